/** The head of the session that is shown: its name, its topic, and what can be done with it. */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */

import { byId, closeOnOutside, el, write } from "./dom.js";
import { eachFrame } from "./signal.js";
import { MAX_TOPIC, tooLong } from "./wire.js";

export class Header {
  /**
   * @param {Client} client
   * @param {Rooms} rooms
   */
  constructor(client, rooms) {
    this.store = client.store;
    this.rooms = rooms;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("about"));
    this.topic = /** @type {HTMLInputElement} */ (byId("about-topic"));
    this.deleting = byId("about-deleting");
    closeOnOutside(this.dialog);
    byId("about-open").addEventListener("click", () => this.#open());
    byId("about-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    byId("about-close").addEventListener("click", () => this.dialog.close());
    byId("leave").addEventListener("click", () => this.#leave());
    byId("delete").addEventListener("click", () => {
      this.deleting.hidden = false;
      byId("delete-really").focus();
    });
    byId("delete-really").addEventListener("click", () => this.#delete());
    const render = eachFrame(() => this.#render());
    this.store.changed.on((what) => {
      if (what !== "texts" && what !== "link") render();
    });
  }

  #render() {
    const session = this.store.session;
    write("title", session?.title ?? "");
    write("topic", session?.topic ?? "");
    byId("title-lock").toggleAttribute("hidden", !session?.locked);
    const lives = session !== undefined && !session.over;
    byId("search-open").hidden = !lives;
    for (const id of ["about-open", "members-open"]) byId(id).hidden = !lives || session.other !== "";
    byId("nothing").hidden = session !== undefined || !this.store.me;
    const count = session?.count ?? 0;
    write("member-count", count.toLocaleString());
    byId("members-open").setAttribute("aria-label", `Members, ${count}`);
  }

  #open() {
    const session = this.store.session;
    if (!session) return;
    const may = this.rooms.maySetTopic(session);
    byId("about-title").textContent = session.name;
    const facts = [
      may ? "" : session.topic,
      session.owner ? `Owned by ${session.owner}.` : "",
      session.locked ? "It has a password." : "Everybody may join.",
      session.keep ? "It stays when it is empty." : "It ends some time after the last one has left.",
    ];
    byId("about-facts").replaceChildren(...facts.filter(Boolean).map((fact) => el("p", "", fact)));
    this.topic.value = session.topic;
    for (const id of ["about-topic-label", "about-topic", "about-save"]) byId(id).hidden = !may;
    byId("delete").hidden = !this.rooms.mayDelete(session);
    this.deleting.hidden = true;
    byId("about-problem").hidden = true;
    this.dialog.showModal();
  }

  #save() {
    const session = this.store.session;
    const topic = this.topic.value.trim();
    const long = tooLong(topic, MAX_TOPIC);
    byId("about-problem").textContent = long && `A topic ${long}`;
    byId("about-problem").hidden = !long;
    if (long) return;
    this.dialog.close();
    if (session && this.rooms.maySetTopic(session) && topic !== session.topic) {
      this.#tell(this.rooms.setTopic(session, topic));
    }
  }

  #leave() {
    const session = this.store.session;
    this.dialog.close();
    if (session) this.#tell(this.rooms.leave(session));
  }

  #delete() {
    const session = this.store.session;
    this.dialog.close();
    if (session) this.#tell(this.rooms.remove(session));
  }

  /** @param {Promise<unknown>} doing */
  #tell(doing) {
    doing.catch((error) => this.store.said.emit(error.message));
  }
}
