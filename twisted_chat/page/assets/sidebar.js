/** The sessions that one is in, and the people that one talks with. */

/** @import { Client } from "./client.js" */
/** @import { Entry } from "./dom.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Session } from "./session.js" */

import { arrange, avatar, byId, el, icon, nameOf } from "./dom.js";
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
    arrange(this.groups.rooms, sessions.filter((each) => !each.other).map((s) => this.#entry(s)));
    arrange(this.groups.people, sessions.filter((each) => each.other).map((s) => this.#entry(s)));
    byId("people-title").hidden = !this.groups.people.childElementCount;
    byId("me-name").textContent = store.me;
    byId("me-kind").textContent = store.guest ? "guest" : store.operator ? "operator" : "";
    byId("me-avatar").replaceChildren(avatar(store.me));
    byId("server-name").textContent = store.server;
  }

  /** @param {Session} session @returns {Entry} */
  #entry(session) {
    const { name, title, other, locked, unread, over } = session;
    const isHere = other !== "" && this.store.isHere(other);
    const isCurrent = name === this.store.current;
    const calls = other ? unread : session.mentions;
    return {
      key: name,
      look: `${title} ${locked} ${unread} ${calls} ${isHere} ${isCurrent} ${over}`,
      act: () => {
        document.body.classList.remove("sidebar-open");
        this.rooms.open(name);
      },
      paint: (entry) => {
        entry.dataset["session"] = name;
        entry.classList.toggle("unread", unread > 0);
        entry.classList.toggle("over", over !== "");
        if (isCurrent) entry.setAttribute("aria-current", "true");
        else entry.removeAttribute("aria-current");
        entry.append(other ? avatar(other) : icon("i-room"), nameOf(title));
        if (isHere) entry.append(el("span", "here", el("span", "unseen", "is here")));
        if (locked) entry.append(icon("i-lock"));
        if (unread) entry.append(badge(unread, calls, other !== ""));
      },
    };
  }
}

/**
 * @param {number} unread
 * @param {number} calls  those of them that mean the person
 * @param {boolean} direct
 */
function badge(unread, calls, direct) {
  const count = calls || unread;
  const words = calls && !direct ? " mentions" : " unread";
  return el(
    "span", calls ? "badge calls" : "badge", count > MANY ? `${MANY}+` : `${count}`,
    el("span", "unseen", words),
  );
}
