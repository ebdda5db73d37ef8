/** Who writes something in the session that is shown: said quietly, and soon forgotten. */

/** @import { Client } from "./client.js" */
/** @import { Store } from "./store.js" */

import { byId } from "./dom.js";

/** Names that are said; of more it is said that they are several. */
const MOST = 3;

/** How often others are told that somebody writes, in milliseconds. */
const EVERY = 3_000;

/** Tells others that the person writes. */
export class Typist {
  #told = -Infinity;

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
  }

  typed() {
    const { store, connection } = this.client;
    const now = performance.now();
    if (!store.session?.here || connection.link !== "ready" || now - this.#told < EVERY) return;
    this.#told = now;
    connection.send({ type: "typing", session: store.session.name });
  }
}

export class TypingView {
  #timer = 0;

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.words = byId("typing");
    store.changed.on((what) => {
      if (what === "typing" || what === "current" || what === "login") this.#show();
    });
  }

  #show() {
    clearTimeout(this.#timer);
    const typing = this.store.session?.typing ?? new Map();
    const now = performance.now();
    for (const [user, until] of typing) if (until <= now) typing.delete(user);
    const users = [...typing.keys()];
    this.words.textContent = sentence(users);
    if (!users.length) return;
    this.#timer = setTimeout(() => this.#show(), Math.min(...typing.values()) - now + 50);
  }
}

/** @param {string[]} users */
export function sentence(users) {
  if (!users.length) return "";
  if (users.length > MOST) return "Several people are writing …";
  const last = users.at(-1);
  const names = users.length > 1 ? `${users.slice(0, -1).join(", ")} and ${last}` : last;
  return `${names} ${users.length > 1 ? "are" : "is"} writing …`;
}
