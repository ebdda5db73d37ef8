/** Going from one mention to the next, through those that came while one was not looking. */

/** @import { Client } from "./client.js" */
/** @import { Session } from "./session.js" */
/** @import { TextsView } from "./texts.js" */
/** @import { Texts } from "./wire.js" */

import { byId } from "./dom.js";
import { Mention } from "./mention.js";
import { eachFrame } from "./signal.js";

/** Texts that are looked through at a time, and how often, at most. */
const PAGE = 200;
const PAGES = 10;

export class Mentions {
  /** The session whose mentions these are, and the seqs of those that were not in sight yet. @type {Session | undefined} */
  #session = undefined;
  /** @type {number[]} */
  #seqs = [];

  /**
   * @param {Client} client
   * @param {TextsView} texts
   */
  constructor(client, texts) {
    this.client = client;
    this.store = client.store;
    this.texts = texts;
    this.button = byId("called");
    this.button.addEventListener("click", () => void this.#go());
    const show = eachFrame(() => this.#show());
    this.store.changed.on((what) => {
      if (what === "current") void this.#visit();
      if (what === "current") show();
    });
    byId("scroller").addEventListener("scroll", show, { passive: true });
  }

  #show() {
    const { firstSeen, lastSeen } = this.texts.list;
    if (this.#session === this.store.session) {
      this.#seqs = this.#seqs.filter((seq) => seq < firstSeen || seq > lastSeen);
    }
    const count = this.#session === this.store.session ? this.#seqs.length : 0;
    this.button.hidden = count === 0;
    const words = count === 1 ? "To the mention of you" : `To the next of ${count} mentions`;
    /** @type {HTMLElement} */ (this.button.lastElementChild).textContent = words;
  }

  /** Look where the person is mentioned in what is new in the session that is shown. */
  async #visit() {
    const { session, me } = this.store;
    if (session === this.#session && session?.newFrom === 0) return;
    this.#session = session;
    this.#seqs = [];
    if (!session || session.other || !session.mentions || !session.newFrom) return;
    const { epoch } = session;
    const mention = new Mention(me);
    const until = session.head;
    let after = session.newFrom - 1;
    try {
      for (let pages = 0; pages < PAGES && after < until; pages++) {
        /** @type {Texts} */
        const page = await this.client.connection.ask({
          type: "history", session: session.name, after, limit: PAGE,
        });
        if (session !== this.#session || epoch !== page.epoch || !page.texts.length) return;
        for (const text of page.texts) {
          const names = text.type === "text" && text.source !== me && mention.isIn(text.data);
          if (names && !this.store.ignores(text.source)) this.#seqs.push(text.seq);
        }
        after = page.texts.at(-1)?.seq ?? until;
      }
    } catch {
      // Refused or lost: the count beside the session says it all the same.
    }
    this.#show();
  }

  async #go() {
    const seq = this.#seqs.shift();
    if (seq !== undefined) await this.texts.toText(seq);
    this.#show();
  }
}
