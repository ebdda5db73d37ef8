/**
 * Ctrl-K: go to any session, join one, write to somebody, or make a new session; by typing a part
 * of a name.
 *
 * One types faster than the server answers. Until it has said which sessions there are, none is
 * offered to be made, and Enter waits: it goes to what is first then, unless the arrow keys have
 * chosen something, which stays chosen.
 */

/** @import { Rooms } from "./rooms.js" */
/** @import { ListedSession, ListedUser } from "./wire.js" */

import { avatar, byId, closeOnOutside, el, icon, nameOf } from "./dom.js";
import { names } from "./session.js";

/** Lines that are offered, at most. */
const MOST = 50;

/**
 * @typedef {object} Offer
 * @property {string} key  which it is, also in another list
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
  /** The question which sessions there are, while it is not answered. @type {Promise<void> | null} */
  #asking = null;
  /** Whether the arrow keys have chosen. */
  #picked = false;
  /** Whether Enter was pressed, and waits for the answer. */
  #entered = false;

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
    for (const id of ["switcher-open", "nothing-find"]) {
      byId(id).addEventListener("click", () => this.open());
    }
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest("[role=option]");
      if (option) this.#go([...this.list.children].indexOf(option));
    });
  }

  open() {
    if (this.dialog.open || !this.store.me) return;
    this.field.value = "";
    const asking = this.#learn().then(() => {
      if (this.#asking !== asking) return; // it was closed and opened again
      this.#asking = null;
      this.#offer();
      if (this.#entered && this.dialog.open) this.#go(this.#chosen);
    });
    this.#asking = asking;
    this.#typed();
    this.dialog.showModal();
  }

  async #learn() {
    try {
      this.#known = await this.rooms.list();
    } catch {
      // Not connected: what was known before is offered all the same.
    }
  }

  #typed() {
    this.#picked = this.#entered = false;
    this.#offer();
  }

  /** Make the list anew. What the arrow keys have chosen stays chosen. */
  #offer() {
    const picked = this.#picked ? this.#offers[this.#chosen]?.key : undefined;
    const wanted = this.#wanted;
    const fits = (/** @type {Offer} */ { name }) => name.toLowerCase().includes(wanted);
    const offers = [...this.#mine(), ...this.#sessions(), ...this.#people()].filter(fits);
    if (wanted) {
      const starts = (/** @type {Offer} */ { name }) => +name.toLowerCase().startsWith(wanted);
      offers.sort((a, b) => +this.#isWhole(b) - +this.#isWhole(a) || starts(b) - starts(a));
    }
    const chosen = Math.max(0, offers.findIndex(({ key }) => key === picked));
    this.#offers = offers.slice(0, Math.max(MOST, chosen + 1));
    if (!this.#asking && !offers.some((offer) => this.#isWhole(offer))) {
      this.#offers.push(this.#new());
    }
    this.list.replaceChildren(...this.#offers.map((offer, at) => this.#option(offer, at)));
    this.list.setAttribute("aria-busy", String(this.#asking !== null));
    this.#choose(chosen);
  }

  get #wanted() {
    return this.field.value.trim().toLowerCase();
  }

  /** Whether it is what was typed, and not only something like it. @param {Offer} offer */
  #isWhole(offer) {
    return offer.name.toLowerCase() === this.#wanted;
  }

  /** @returns {Offer[]} */
  #mine() {
    const { store } = this;
    // Nobody goes to where one is already; but who asks for it by name is told that it is there.
    const mine = store.ordered().filter((session) => !session.over)
      .filter(({ name }) => this.#wanted || name !== store.current);
    mine.sort((a, b) => Math.sign(b.unread) - Math.sign(a.unread));
    return mine.map((session) => ({
      key: session.name,
      name: session.title,
      note: session.name === store.current ? "you are here"
        : session.unread ? `${session.unread} new` : "",
      picture: session.other ? avatar(session.other) : icon("i-room"),
      go: () => this.rooms.open(session.name),
    }));
  }

  /** @returns {Offer[]} */
  #sessions() {
    const others = this.#known.sessions.filter(({ session }) => {
      const mine = this.store.sessions.get(session);
      return !mine || mine.over;
    });
    others.sort((a, b) => b.users - a.users || names.compare(a.session, b.session));
    return others.map((listed) => ({
      key: listed.session,
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
        key: `@${user}`,
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
      key: "",
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
    if (this.#offers.length) {
      this.field.setAttribute("aria-activedescendant", `option-${this.#chosen}`);
    } else {
      this.field.removeAttribute("aria-activedescendant");
    }
    this.list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#pick(1);
    else if (event.key === "ArrowUp") this.#pick(-1);
    else if (event.key === "Enter") this.#enter();
    else return;
    event.preventDefault();
  }

  /** @param {number} step */
  #pick(step) {
    this.#entered = false;
    this.#picked = this.#offers.length > 0;
    this.#choose(this.#chosen + step);
  }

  /** Go to what is chosen, as soon as the server's answer can not be another one. */
  #enter() {
    const offer = this.#offers[this.#chosen];
    const isSure = !this.#asking || this.#picked || (offer && this.#isWhole(offer));
    if (isSure) this.#go(this.#chosen);
    else this.#entered = true;
  }

  /** @param {number} at */
  #go(at) {
    document.body.classList.remove("sidebar-open");
    this.dialog.close();
    this.#offers[at]?.go();
  }
}
