/** The sessions that one is in, and the people that one talks with. */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Session } from "./session.js" */

import { avatar, button, byId, el, icon, nameOf } from "./dom.js";
import { eachFrame } from "./signal.js";

/** More unread texts than this are just many. */
const MANY = 999;

export class Sidebar {
  /**
   * @param {Client} client
   * @param {Rooms} rooms
   */
  constructor(client, rooms) {
    this.store = client.store;
    this.rooms = rooms;
    this.groups = { rooms: byId("rooms"), people: byId("people") };
    byId("logout").addEventListener("click", () => void client.logout());
    const render = eachFrame(() => this.#render());
    this.store.changed.on((what) => {
      if (what === "sessions" || what === "login" || what === "members") render();
    });
  }

  #render() {
    const { store } = this;
    const sessions = store.ordered();
    const focused = document.activeElement?.closest("[data-session]");
    const name = focused instanceof HTMLElement ? focused.dataset["session"] : undefined;
    this.#fill(this.groups.rooms, sessions.filter((session) => !session.other));
    this.#fill(this.groups.people, sessions.filter((session) => session.other));
    byId("people-title").hidden = !this.groups.people.childElementCount;
    byId("me-name").textContent = store.me;
    byId("me-kind").textContent = store.guest ? "guest" : store.operator ? "operator" : "";
    byId("me-avatar").replaceChildren(avatar(store.me));
    byId("server-name").textContent = store.server;
    if (name === undefined) return;
    for (const entry of document.querySelectorAll("#sidebar [data-session]")) {
      if (entry instanceof HTMLElement && entry.dataset["session"] === name) entry.focus();
    }
  }

  /**
   * @param {HTMLElement} group
   * @param {Session[]} sessions
   */
  #fill(group, sessions) {
    group.replaceChildren(...sessions.map((session) => el("li", "", this.#entry(session))));
  }

  /** @param {Session} session */
  #entry(session) {
    const { store } = this;
    const entry = button("entry", session.other ? avatar(session.other) : icon("i-room"), () => {
      document.body.classList.remove("sidebar-open");
      this.rooms.open(session.name);
    });
    entry.dataset["session"] = session.name;
    entry.append(nameOf(session.title));
    if (session.other && store.isHere(session.other)) entry.append(el("span", "here", ""));
    if (session.locked) entry.append(icon("i-lock"));
    if (session.name === store.current) entry.setAttribute("aria-current", "true");
    const calls = session.other ? session.unread : session.mentions;
    if (session.unread) {
      entry.classList.add("unread");
      const count = calls || session.unread;
      const badge = el("span", calls ? "badge calls" : "badge", count > MANY ? `${MANY}+` : `${count}`);
      badge.append(el("span", "unseen", calls && !session.other ? " mentions" : " unread"));
      entry.append(badge);
    }
    return entry;
  }
}
