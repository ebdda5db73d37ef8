/**
 * The dialog of a session: what it is, and for those who may its topic, its settings, who has a
 * role, who is kept out or silent, and who is asked in. What would be refused is not shown.
 */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Session } from "./session.js" */

import { button, byId, closeOnOutside, el, nameOf } from "./dom.js";
import { MeasuresPart } from "./measures.js";
import { mayDelete, mayHook, mayInvite, mayKeep, mayRule, maySetTopic, rolesToGive, ROLES } from "./rights.js";
import { WebhooksPart } from "./webhooks.js";
import { MAX_TOPIC, tooLong } from "./wire.js";

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => byId(id);

/** The settings that are true or not: the field of each, and what the session calls it. */
const SWITCHES = /** @type {const} */ ([
  ["invite", "invite"], ["moderated", "moderated"], ["hidden", "hidden"],
  ["open_topic", "openTopic"], ["keep", "keep"],
]);

export class About {
  /** @type {Session | null} the one that it is about */
  #session = null;

  /**
   * @param {Client} client
   * @param {Rooms} rooms
   * @param {(name: string) => void} person  opens the menu of somebody
   */
  constructor(client, rooms, person) {
    this.store = client.store;
    this.connection = client.connection;
    this.rooms = rooms;
    this.person = person;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("about"));
    this.deleting = byId("about-deleting");
    this.webhooks = new WebhooksPart(client.connection);
    const bans = /** @type {HTMLDetailsElement} */ (byId("about-bans"));
    this.measures = new MeasuresPart(
      client.connection, bans, "", "Nobody is banned or muted here.",
    );
    closeOnOutside(this.dialog);
    byId("about-open").addEventListener("click", () => this.open());
    byId("about-close").addEventListener("click", () => this.dialog.close());
    this.#onSubmit("about-form", () => this.#save());
    this.#onSubmit("invite-form", () => this.#invite());
    byId("leave").addEventListener("click", () => this.#end((one) => rooms.leave(one)));
    byId("delete").addEventListener("click", () => {
      this.deleting.hidden = false;
      byId("delete-really").focus();
    });
    byId("delete-really").addEventListener("click", () => this.#end((one) => rooms.remove(one)));
    byId("about-roles").addEventListener("toggle", () => this.#fill());
    input("about-unlock").addEventListener("change", () => {
      input("about-password").disabled = input("about-unlock").checked;
    });
    this.store.changed.on((what) => {
      if (what === "members" && this.dialog.open) this.#roles();
      if (what === "current" || what === "login") this.dialog.close();
    });
  }

  /** @param {string} [part]  what is opened at once: `roles`, `bans`, `webhooks` */
  open(part) {
    const { session } = this.store;
    if (!session || session.other || session.over) return;
    this.#session = session;
    const { store } = this;
    const topic = maySetTopic(store, session);
    const rules = mayRule(store, session);
    byId("about-title").textContent = session.name;
    const facts = [
      topic ? "" : session.topic,
      session.owner ? `Owned by ${session.owner}.` : "",
      session.role === "none" || session.role === "owner" ? "" : `Your role is ${ROLES[session.role]}.`,
      ...(rules ? [] : settingsInWords(session)),
    ];
    byId("about-facts").replaceChildren(...facts.filter(Boolean).map((fact) => el("p", "", fact)));
    input("about-topic").value = session.topic;
    for (const id of ["about-topic-label", "about-topic", "about-save"]) byId(id).hidden = !topic;
    byId("about-settings").hidden = !rules;
    for (const [field, property] of SWITCHES) input(`about-${field}`).checked = session[property];
    /** @type {HTMLElement} */ (input("about-keep").parentElement).hidden = !mayKeep(store, session);
    input("about-limit").value = session.limit ? String(session.limit) : "";
    input("about-password").value = "";
    input("about-password").disabled = input("about-unlock").checked = false;
    byId("about-unlock-label").hidden = !session.locked;
    byId("delete").hidden = !mayDelete(store, session);
    this.deleting.hidden = true;
    byId("invite-form").hidden = !mayInvite(store, session);
    /** @type {HTMLDetailsElement} */ (byId("about-roles")).open = part === "roles";
    this.webhooks.show(session, mayHook(store, session), part === "webhooks");
    for (const id of ["about", "invite"]) this.#problem(id, "");
    if (!this.dialog.open) this.dialog.showModal();
    /** @type {HTMLElement | null} */
    const summary = part ? byId(`about-${part}`).querySelector("summary") : null;
    summary?.focus();
    this.measures.show(rules ? { session: session.name } : null, part === "bans");
    this.#fill();
  }

  // --- settings ----------------------------------------------------------------------------

  async #save() {
    const session = this.#session;
    if (!session) return undefined;
    const topic = input("about-topic").value.trim();
    const long = tooLong(topic, MAX_TOPIC);
    if (long) return this.#problem("about", `A topic ${long}`);
    if (topic !== session.topic) await this.rooms.setTopic(session, topic);
    const settings = mayRule(this.store, session) ? this.#settings(session) : {};
    if (Object.keys(settings).length) {
      await this.connection.ask({ type: "set", session: session.name, ...settings });
      if (typeof settings["password"] === "string") session.password = settings["password"];
    }
    return this.dialog.close();
  }

  /** What is to be other than it is. @param {Session} session */
  #settings(session) {
    /** @type {Record<string, unknown>} */
    const settings = {};
    for (const [field, property] of SWITCHES) {
      const wanted = input(`about-${field}`).checked;
      if (wanted !== session[property]) settings[field] = wanted;
    }
    const limit = Number(input("about-limit").value || 0);
    if (limit !== session.limit) settings["limit"] = limit;
    const password = input("about-password").value;
    if (input("about-unlock").checked) settings["password"] = null;
    else if (password) settings["password"] = password;
    return settings;
  }

  // --- roles, bans, invitations ------------------------------------------------------------

  #fill() {
    const session = this.#session;
    if (!session || !this.dialog.open) return;
    if (isOpen("about-roles")) {
      this.#roles();
      this.rooms.learnRoles(session).then(() => this.#roles(), () => {});
    }
  }

  #roles() {
    const session = this.#session;
    if (!session) return;
    const some = [...session.roles ?? []].filter(([, role]) => role !== "none");
    byId("roles-list").replaceChildren(...some.map(([name, role]) => {
      const gives = rolesToGive(this.store, session, name).length > 0;
      const words = el("span", "grow", nameOf(name), " ", el("span", "note", ROLES[role] ?? role));
      const change = button("", "Change …", () => {
        this.dialog.close();
        this.person(name);
      });
      change.setAttribute("aria-label", `Change the role of ${name}`);
      return el("li", "line", words, ...(gives ? [change] : []));
    }));
    const hint = mayRule(this.store, session)
      ? "A role is given in the menu at somebody's name, among the members." : "";
    byId("roles-words").textContent = some.length ? hint : `Nobody has a role here. ${hint}`;
  }

  async #invite() {
    const session = this.#session;
    const field = input("invite-user");
    const written = field.value;
    const user = written.trim().replace(/^@/u, "");
    if (!session || !user) return;
    await this.connection.ask({ type: "invite", session: session.name, user });
    if (field.value === written) field.value = ""; // what was written meanwhile stays
    this.store.said.emit(`${user} is invited.`);
  }

  // --- ends --------------------------------------------------------------------------------

  /** @param {(session: Session) => Promise<unknown>} how */
  #end(how) {
    const session = this.#session;
    this.dialog.close();
    if (session) how(session).catch((error) => this.store.said.emit(error.message));
  }

  /** @param {string} id @param {() => Promise<unknown>} work */
  #onSubmit(id, work) {
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell(id.replace("-form", ""), work);
    });
  }

  /** Do something, and say beside it what was refused. @param {string} where @param {() => Promise<unknown>} work */
  #tell(where, work) {
    this.#problem(where, "");
    work().catch((error) => this.#problem(where, error instanceof Error ? error.message : ""));
  }

  /** @param {string} where @param {string} sentence */
  #problem(where, sentence) {
    byId(`${where}-problem`).textContent = sentence;
    byId(`${where}-problem`).hidden = !sentence;
  }
}

/** @param {string} id */
const isOpen = (id) => /** @type {HTMLDetailsElement} */ (byId(id)).open;

/** What holds in a session, for those who can not change it. @param {Session} session */
function settingsInWords({ locked, invite, moderated, hidden, openTopic, limit, keep }) {
  return [
    invite ? "Only who was invited comes in." : locked ? "It has a password." : "Everybody may join.",
    moderated ? "Only who has a role may speak." : "",
    hidden ? "It is in no list." : "",
    openTopic ? "Everybody here may change the topic." : "",
    limit ? `It has room for ${limit.toLocaleString()}.` : "",
    keep ? "It stays when it is empty." : "It ends some time after the last one has left.",
  ];
}
