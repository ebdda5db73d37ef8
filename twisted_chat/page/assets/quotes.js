/** How the texts begin that others answer, where they are not at hand: asked for, one by one. */

/** @import { Connection } from "./connection.js" */
/** @import { Session } from "./session.js" */
/** @import { Store } from "./store.js" */
/** @import { Texts } from "./wire.js" */

import { quoted } from "./row.js";

/** Texts that are remembered, at most. */
const MOST = 500;

/** @typedef {{ source: string, words: string }} Quote */

export class Quotes {
  /** Who said it, and how it begins; null while it is asked for, or where there is none. @type {Map<string, Quote | null>} */
  #known = new Map();
  #asking = Promise.resolve();

  /**
   * @param {Connection} connection
   * @param {Store} store
   */
  constructor(connection, store) {
    this.connection = connection;
    this.store = store;
  }

  /**
   * How a text begins; "" where that is not known yet: then views are told when it is.
   * @param {Session} session
   * @param {number} seq
   */
  of(session, seq) {
    const key = `${session.epoch} ${seq}`;
    const known = this.#known.get(key);
    if (known === undefined && this.connection.link === "ready") {
      this.#known.set(key, null);
      if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value ?? "");
      this.#asking = this.#asking.then(() => this.#ask(session, seq, key));
    }
    return known && !this.store.ignores(known.source) ? known.words : "";
  }

  /** A text reads otherwise by now, or was taken back. @param {Session} session @param {number} seq */
  forget(session, seq) {
    this.#known.delete(`${session.epoch} ${seq}`);
  }

  /**
   * @param {Session} session
   * @param {number} seq
   * @param {string} key
   */
  async #ask(session, seq, key) {
    try {
      /** @type {Texts} */
      const { texts: [text], epoch } = await this.connection.ask({
        type: "history", session: session.name, after: seq - 1, before: seq + 1, limit: 1,
      });
      if (text?.type !== "text" || epoch !== session.epoch) return;
      const { source, time, data, redacted } = text;
      this.#known.set(key, { source, words: redacted ? "" : quoted({ seq, source, time, data }) });
      if (session === this.store.session) this.store.changed.emit("texts");
    } catch {
      this.#known.delete(key); // lost: it is asked for again when it is shown again
    }
  }
}
