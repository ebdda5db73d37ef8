/** The sessions that one is in, and the people that one talks with. */

/** @import { Client } from "./client.js" */
/** @import { Entry } from "./dom.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Session } from "./session.js" */

import { arrange, avatar, byId, el, icon, nameOf, write } from "./dom.js";
import { eachFrame } from "./signal.js";

/** More unread texts than this are just many. */
const MANY = 999;

export class Sidebar {
  #me = "";

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
    arrange(this.groups.rooms, sessions.filter((each) => !each.other).map((s) => this.#entry(s)));
    arrange(this.groups.people, sessions.filter((each) => each.other).map((s) => this.#entry(s)));
    byId("people-title").hidden = !this.groups.people.childElementCount;
    write("me-name", store.me);
    write("me-kind", store.guest ? "guest" : store.operator ? "operator" : "");
    if (this.#me !== store.me) byId("me-avatar").replaceChildren(avatar(store.me));
    this.#me = store.me;
    write("server-name", store.server);
  }

  /** @param {Session} session @returns {Entry} */
  #entry(session) {
    const { name, title, other, locked, unread, over } = session;
    const isHere = other !== "" && this.store.isHere(other);
    const isCurrent = name === this.store.current;
    const { calls, level } = session;
    return {
      key: name,
      look: `${title} ${locked} ${unread} ${calls} ${isHere} ${isCurrent} ${over} ${level}`,
      act: () => {
        document.body.classList.remove("sidebar-open");
        this.rooms.open(name);
      },
      paint: (entry) => {
        entry.dataset["session"] = name;
        entry.classList.toggle("unread", unread > 0 && level !== "none");
        entry.classList.toggle("over", over !== "");
        if (isCurrent) entry.setAttribute("aria-current", "true");
        else entry.removeAttribute("aria-current");
        entry.append(other ? avatar(other) : icon("i-room"), nameOf(title));
        if (isHere) entry.append(el("span", "here", el("span", "unseen", "is here")));
        if (locked) entry.append(icon("i-lock"));
        if (unread) entry.append(...badges(unread, calls, other !== "" && calls > 0));
      },
    };
  }
}

/**
 * How much is unread; and before it, in a room, how much of it means the person.
 * @param {number} unread
 * @param {number} calls
 * @param {boolean} direct
 */
function badges(unread, calls, direct) {
  const all = badge(direct ? "badge calls" : "badge", unread, "", " unread");
  if (direct || !calls) return [all];
  return [badge("badge calls", calls, "@", calls === 1 ? " mention" : " mentions"), all];
}

/**
 * @param {string} className
 * @param {number} count
 * @param {string} sign
 * @param {string} words
 */
function badge(className, count, sign, words) {
  const number = count > MANY ? `${MANY}+` : `${count}`;
  return el("span", className, `${sign}${number}`, el("span", "unseen", words));
}
