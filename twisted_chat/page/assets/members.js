/** Who is in the session that is shown. */

/** @import { Entry } from "./dom.js" */
/** @import { Rooms } from "./rooms.js" */

import { arrange, avatar, byId, el, nameOf } from "./dom.js";
import { ROLES } from "./rights.js";
import { names } from "./session.js";
import { eachFrame } from "./signal.js";

/** Names that are listed at once; the rest is found by typing. */
const MOST = 300;

/** From this many members on there is a field to find one. */
const SOME = 15;

export class MembersView {
  #learning = "";
  /** The session whose roles are being asked for, by its epoch. */
  #asked = "";

  /**
   * @param {Rooms} rooms
   * @param {(name: string) => void} person  opens the menu of somebody
   */
  constructor(rooms, person) {
    this.rooms = rooms;
    this.person = person;
    this.store = rooms.store;
    this.panel = byId("members");
    this.find = /** @type {HTMLInputElement} */ (byId("members-find"));
    this.list = byId("members-list");
    this.rest = byId("members-rest");
    const render = eachFrame(() => this.#render());
    this.find.addEventListener("input", render);
    this.store.changed.on((what) => {
      if (what === "current") this.find.value = "";
      if (what === "members" || what === "current" || what === "login") render();
    });
    byId("members-open").addEventListener("click", () => this.toggle());
    byId("members-close").addEventListener("click", () => this.toggle(false));
    const wide = matchMedia("(min-width: 70rem)");
    wide.addEventListener("change", () => this.toggle(wide.matches));
    this.toggle(wide.matches);
  }

  /** @param {boolean} [open] */
  toggle(open = this.panel.hidden === true) {
    this.panel.hidden = !open;
    byId("members-open").setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("members-shown", open);
    if (open) this.#render();
  }

  #render() {
    const session = this.store.session;
    const none = !session || session.other !== "" || session.over !== "";
    document.body.classList.toggle("memberless", none);
    if (this.panel.hidden || none) return this.list.replaceChildren();
    if (session.users.size < session.count && this.#learning !== session.name) {
      this.#learning = session.name;
      this.rooms.learnMembers(session).catch(() => {
        // The list is then shorter than the count beside it says.
      }).finally(() => {
        this.#learning = "";
      });
    }
    if (!session.roles && this.#asked !== session.epoch) {
      this.#asked = session.epoch;
      this.rooms.learnRoles(session).catch(() => {}).finally(() => {
        this.#asked = "";
      });
    }
    const wanted = this.find.value.trim().toLowerCase();
    const found = [...session.users].filter((name) => name.toLowerCase().includes(wanted));
    found.sort(names.compare);
    const some = found.slice(0, MOST);
    arrange(this.list, some.map((name) => this.#entry(name)));
    const rest = (wanted ? found.length : Math.max(session.count, found.length)) - some.length;
    const more = rest > 0 ? `and ${rest.toLocaleString()} more` : "";
    this.rest.textContent = found.length ? more : "Nobody of that name is here.";
    this.find.parentElement?.toggleAttribute("hidden", session.count < SOME);
    return undefined;
  }

  /** @param {string} name @returns {Entry} */
  #entry(name) {
    const isMe = name === this.store.me;
    const away = this.store.away.get(name);
    const role = this.store.session?.roleOf(name) ?? "none";
    const ignored = this.store.ignores(name);
    return {
      key: name,
      look: `${isMe} ${role} ${ignored} ${away ?? ""}`,
      act: () => this.person(name),
      paint: (entry) => {
        entry.title = away === undefined ? "" : `${name} is away: ${away}`;
        entry.setAttribute("aria-haspopup", "dialog");
        entry.classList.toggle("ignored", ignored);
        entry.append(avatar(name), nameOf(name));
        if (role !== "none") entry.append(el("span", "note", ROLES[role] ?? role));
        if (isMe) entry.append(el("span", "note", "you"));
        if (ignored) entry.append(el("span", "note", "ignored"));
        if (away !== undefined) entry.append(el("span", "note", "away"));
      },
    };
  }
}
