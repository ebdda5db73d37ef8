/**
 * The menu at a name: write to somebody, mention or ignore them; and, for those who may, give a
 * role, take out, mute, ban. What would be refused is not shown.
 */

/** @import { Client } from "./client.js" */
/** @import { Composer } from "./composer.js" */
/** @import { Rooms } from "./rooms.js" */

import { byId, closeOnOutside, el } from "./dom.js";
import { measuresOf, offerSpans } from "./measures.js";
import { mayActOn, rolesToGive, ROLES } from "./rights.js";

/**
 * What is done to somebody after a question, and what it is called.
 * @type {Record<string, { title: string, done: string, lasts: boolean }>}
 */
const ACTS = {
  kick: { title: "Take out", done: "is out.", lasts: false },
  mute: { title: "Mute", done: "is muted.", lasts: true },
  ban: { title: "Ban", done: "is banned.", lasts: true },
  disconnect: { title: "Disconnect", done: "is disconnected.", lasts: false },
};

export class PersonMenu {
  #name = "";
  #act = "";

  /**
   * @param {Client} client
   * @param {Rooms} rooms
   * @param {Composer} composer
   */
  constructor(client, rooms, composer) {
    this.store = client.store;
    this.connection = client.connection;
    this.rooms = rooms;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("person"));
    this.role = /** @type {HTMLSelectElement} */ (byId("person-role"));
    this.span = /** @type {HTMLSelectElement} */ (byId("person-span"));
    this.reason = /** @type {HTMLInputElement} */ (byId("person-reason"));
    this.everywhere = /** @type {HTMLInputElement} */ (byId("person-everywhere"));
    closeOnOutside(this.dialog);
    offerSpans(this.span);
    byId("person-close").addEventListener("click", () => this.dialog.close());
    byId("person-message").addEventListener("click", () => this.#leave((n) => rooms.message(n)));
    byId("person-mention").addEventListener("click", () => this.#leave((n) => composer.mention(n)));
    byId("person-ignore").addEventListener("click", () => this.#leave((n) => rooms.ignore(n)));
    byId("person-block").addEventListener("click", () => void this.#block());
    byId("person-give").addEventListener("click", () => void this.#give());
    this.role.addEventListener("change", () => this.#warn());
    for (const act of Object.keys(ACTS)) {
      byId(`person-${act}`).addEventListener("click", () => this.#begin(act));
    }
    for (const kind of ["mute", "ban"]) {
      byId(`person-un${kind}`).addEventListener("click", () => void this.#lift(kind));
    }
    byId("person-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#finish();
    });
  }

  /** Open it for somebody. @param {string} name */
  open(name) {
    const { store } = this;
    const { session } = store;
    if (!store.me || !name || !session) return;
    this.#name = name;
    const isMe = name === store.me;
    byId("person-name").textContent = name;
    this.#about();
    for (const id of ["person-message", "person-ignore"]) byId(id).hidden = isMe;
    byId("person-mention").hidden = isMe || session.over !== "";
    byId("person-ignore").textContent = store.ignores(name) ? "Ignore no more" : "Ignore";
    const blocked = this.rooms.hasBlocked(name);
    byId("person-block").hidden = isMe || !(blocked || this.rooms.talkWith(name));
    byId("person-block").textContent = blocked ? "Unblock" : "Block";
    this.#rights();
    this.#begin("");
    if (!this.dialog.open) this.dialog.showModal();
    if (!session.other) void this.#learn(name);
  }

  /** Who it is, in a line. */
  #about() {
    const { store } = this;
    const role = store.session?.roleOf(this.#name) ?? "none";
    const away = store.away.get(this.#name);
    const words = [
      this.#name === store.me ? "This is you." : "",
      role === "none" ? "" : `The role here: ${ROLES[role]}.`,
      away === undefined ? "" : `Away: ${away}`,
      store.ignores(this.#name) ? "You ignore what they write." : "",
      this.rooms.hasBlocked(this.#name) ? "You have blocked them: they can not write to you alone." : "",
    ];
    byId("person-about").textContent = words.filter(Boolean).join(" ");
  }

  /** Show what one may do to them, as far as it is known. */
  #rights() {
    const { store } = this;
    const { session } = store;
    if (!session) return;
    const name = this.#name;
    const acts = mayActOn(store, session, name);
    const gives = session.roles ? rolesToGive(store, session, name) : [];
    const isHere = session.users.has(name);
    byId("person-kick").hidden = !acts || !isHere;
    for (const id of ["person-mute", "person-ban"]) byId(id).hidden = !acts;
    for (const id of ["person-unmute", "person-unban"]) byId(id).hidden = true;
    byId("person-disconnect").hidden = !store.operator || name === store.me;
    byId("person-roles").hidden = !gives.length;
    this.role.replaceChildren(...gives.map((role) => {
      const option = el("option", "", ROLES[role] ?? role);
      option.value = role;
      option.selected = role === session.roleOf(name);
      return option;
    }));
    this.#warn();
    const some = [...byId("person-acts").children].some((child) => !child.hasAttribute("hidden"));
    byId("person-acts").hidden = !some;
  }

  /** Say what handing over means, before it is done. */
  #warn() {
    const hands = this.role.value === "owner" && this.store.session?.owner === this.store.me;
    byId("person-warning").hidden = !hands;
  }

  /** Ask for what is not known yet: roles, and what is decided about them. @param {string} name */
  async #learn(name) {
    const { session } = this.store;
    if (!session) return;
    try {
      await this.rooms.learnRoles(session);
      if (this.#name !== name || session !== this.store.session) return;
      this.#about();
      this.#rights();
      if (!mayActOn(this.store, session, name)) return;
      const measures = await measuresOf(this.connection, { session: session.name });
      if (this.#name !== name || session !== this.store.session) return;
      for (const kind of ["mute", "ban"]) {
        const holds = measures.some((one) => one.kind === kind && one.user === name);
        byId(`person-un${kind}`).hidden = !holds;
        byId(`person-${kind}`).hidden = holds;
      }
    } catch {
      // Not connected, or not allowed: then less is offered.
    }
  }

  /** Ask for how long and why; "" asks nothing. @param {string} act */
  #begin(act) {
    this.#act = act;
    const { title, lasts } = ACTS[act] ?? { title: "", lasts: false };
    byId("person-question").hidden = !act;
    byId("person-legend").textContent = `${title} ${this.#name}`;
    byId("person-do").textContent = title;
    byId("person-lasts").hidden = !lasts;
    byId("person-wide").hidden = !lasts || !this.store.operator;
    this.span.value = "";
    this.reason.value = "";
    this.everywhere.checked = false;
    byId("person-problem").hidden = true;
    if (!act) return;
    (lasts ? this.span : this.reason).focus();
    byId("person-do").scrollIntoView({ block: "nearest" });
  }

  async #finish() {
    const act = this.#act;
    const { session } = this.store;
    if (!act || !session) return;
    const seconds = Number(this.span.value);
    const reason = this.reason.value.trim();
    const lasts = ACTS[act]?.lasts ?? false;
    const where = lasts && this.everywhere.checked ? { server: true }
      : act === "disconnect" ? {} : { session: session.name };
    await this.#ask(ACTS[act]?.done ?? "", {
      type: act, user: this.#name, ...where,
      ...(lasts && seconds && { seconds }), ...(reason && { reason }),
    });
  }

  /** @param {string} kind */
  async #lift(kind) {
    const session = this.store.current;
    await this.#ask(kind === "ban" ? "is banned no more." : "is muted no more.", {
      type: `un${kind}`, user: this.#name, session,
    });
  }

  async #give() {
    const role = this.role.value;
    const session = this.store.current;
    await this.#ask(`is ${role === "none" ? "without a role" : role} now.`, {
      type: "role", user: this.#name, session, role,
    });
  }

  async #block() {
    const name = this.#name;
    try {
      await (this.rooms.hasBlocked(name) ? this.rooms.unblock(name) : this.rooms.block(name));
      this.dialog.close();
    } catch (error) {
      this.#problem(error);
    }
  }

  /** @param {unknown} error */
  #problem(error) {
    byId("person-problem").textContent = error instanceof Error ? error.message : "";
    byId("person-problem").hidden = false;
  }

  /** @param {string} done @param {Record<string, unknown> & { type: string }} request */
  async #ask(done, request) {
    const name = this.#name;
    try {
      await this.connection.ask(request);
      this.dialog.close();
      this.store.said.emit(`${name} ${done}`);
    } catch (error) {
      this.#problem(error);
    }
  }

  /** @param {(name: string) => void} what */
  #leave(what) {
    this.dialog.close();
    what(this.#name);
  }
}
