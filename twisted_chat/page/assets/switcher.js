/**
 * Ctrl-K: go to any session, join one, write to somebody, or make a new session; by typing a part
 * of a name.
 */

/** @import { Rooms } from "./rooms.js" */
/** @import { ListedSession, ListedUser } from "./wire.js" */

import { avatar, byId, closeOnOutside, el, icon, nameOf } from "./dom.js";
import { names } from "./session.js";

/** Lines that are offered, at most. */
const MOST = 50;

/**
 * @typedef {object} Offer
 * @property {string} name
 * @property {string} note
 * @property {Node} picture
 * @property {() => void} go
 */

export class Switcher {
  /** @type {Offer[]} */
  #offers = [];
  #chosen = 0;
  /** @type {{ sessions: ListedSession[], users: ListedUser[] }} */
  #known = { sessions: [], users: [] };

  /**
   * @param {Rooms} rooms
   * @param {{ create: (name: string) => void, join: (session: ListedSession) => void }} other
   */
  constructor(rooms, other) {
    this.rooms = rooms;
    this.store = rooms.store;
    this.other = other;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("switcher"));
    this.field = /** @type {HTMLInputElement} */ (byId("switcher-field"));
    this.list = byId("switcher-list");
    closeOnOutside(this.dialog);
    byId("switcher-open").addEventListener("click", () => this.open());
    this.field.addEventListener("input", () => this.#offer());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest("[role=option]");
      if (option) this.#go([...this.list.children].indexOf(option));
    });
  }

  async open() {
    if (this.dialog.open || !this.store.me) return;
    this.field.value = "";
    this.#offer();
    this.dialog.showModal();
    try {
      this.#known = await this.rooms.list();
      this.#offer();
    } catch {
      // Not connected: one's own sessions are offered all the same.
    }
  }

  /** Make the list anew. */
  #offer() {
    const wanted = this.field.value.trim().toLowerCase();
    const fits = (/** @type {{ name: string }} */ { name }) => name.toLowerCase().includes(wanted);
    const offers = [...this.#mine(), ...this.#sessions(), ...this.#people()].filter(fits);
    if (wanted) {
      const starts = (/** @type {Offer} */ { name }) => +name.toLowerCase().startsWith(wanted);
      offers.sort((a, b) => starts(b) - starts(a));
    }
    this.#offers = offers.slice(0, MOST);
    if (!offers.some(({ name }) => name.toLowerCase() === wanted)) this.#offers.push(this.#new());
    this.list.replaceChildren(...this.#offers.map((offer, at) => this.#option(offer, at)));
    this.#choose(0);
  }

  /** @returns {Offer[]} */
  #mine() {
    const mine = this.store.ordered().filter((session) => session.name !== this.store.current);
    mine.sort((a, b) => Math.sign(b.unread) - Math.sign(a.unread));
    return mine.map((session) => ({
      name: session.title,
      note: session.unread ? `${session.unread} new` : "",
      picture: session.other ? avatar(session.other) : icon("i-room"),
      go: () => this.rooms.open(session.name),
    }));
  }

  /** @returns {Offer[]} */
  #sessions() {
    const others = this.#known.sessions.filter(({ session }) => !this.store.sessions.has(session));
    others.sort((a, b) => b.users - a.users || names.compare(a.session, b.session));
    return others.map((listed) => ({
      name: listed.session,
      note: [`${listed.users} here`, listed.topic].filter(Boolean).join(" · "),
      picture: icon(listed.locked ? "i-lock" : "i-room"),
      go: () => this.other.join(listed),
    }));
  }

  /** @returns {Offer[]} */
  #people() {
    const talking = new Set([...this.store.sessions.values()].map((session) => session.other));
    return this.#known.users
      .map(({ user }) => user)
      .filter((user) => user !== this.store.me && !talking.has(user))
      .sort(names.compare)
      .map((user) => ({
        name: user,
        note: "write to them alone",
        picture: avatar(user),
        go: () => this.rooms.message(user),
      }));
  }

  /** @returns {Offer} */
  #new() {
    const name = this.field.value.trim();
    return {
      name: name ? `Create ${name}` : "Create a session",
      note: "",
      picture: icon("i-plus"),
      go: () => this.other.create(name),
    };
  }

  /**
   * @param {Offer} offer
   * @param {number} at
   */
  #option(offer, at) {
    const option = el("li", "option", offer.picture, nameOf(offer.name));
    if (offer.note) option.append(el("span", "note", offer.note));
    option.id = `option-${at}`;
    option.setAttribute("role", "option");
    return option;
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = Math.max(0, Math.min(at, this.#offers.length - 1));
    [...this.list.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#chosen));
    });
    this.field.setAttribute("aria-activedescendant", `option-${this.#chosen}`);
    this.list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#choose(this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen - 1);
    else if (event.key === "Enter") this.#go(this.#chosen);
    else return;
    event.preventDefault();
  }

  /** @param {number} at */
  #go(at) {
    document.body.classList.remove("sidebar-open");
    this.dialog.close();
    this.#offers[at]?.go();
  }
}
