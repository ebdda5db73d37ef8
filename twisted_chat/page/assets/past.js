/** Reading the past: pages of history into a session's timeline, and search. */

/** @import { Connection } from "./connection.js" */
/** @import { Mention } from "./mention.js" */
/** @import { Session } from "./session.js" */
/** @import { Store } from "./store.js" */
/** @import { Found, Texts } from "./wire.js" */

import { Refused } from "./connection.js";
import { PAGE } from "./wire.js";

/** The newest texts of a direct session among which one's own is looked for. */
const GLANCE = 20;

/** Pages of unread texts in which mentions are looked for, at most. */
const GLANCES = 5;

export class Past {
  #connection;
  #store;

  /**
   * @param {Connection} connection
   * @param {Store} store
   */
  constructor(connection, store) {
    this.#connection = connection;
    this.#store = store;
  }

  /** Ask for the texts before those at hand. @param {Session} session */
  async older(session) {
    const { timeline } = session;
    if (timeline.complete || !timeline.lines.length) return;
    const before = timeline.first;
    await this.#load(session, "older", { before, limit: 2 * PAGE }, (page) => {
      if (timeline.first === before) timeline.take(page.texts, { older: page.more });
    });
  }

  /** Ask for the texts after those at hand, where there are some. @param {Session} session */
  async newer(session) {
    const { timeline } = session;
    if (session.atHead || !timeline.lines.length) return;
    await this.#load(session, "newer", { after: timeline.last, limit: 2 * PAGE }, (page) => {
      if (!page.texts.length) session.stuck = true;
      timeline.take(page.texts, { instead: true });
    });
  }

  /** Ask for the newest texts, if they are not at hand. @param {Session} session */
  async latest(session) {
    const { timeline } = session;
    if (session.head === 0) return;
    if (timeline.lines.length && session.atHead) return;
    await this.#load(session, "around", { limit: PAGE }, (page) => this.newest(session, page));
  }

  /**
   * Take in a page of the newest texts.
   * @param {Session} session
   * @param {Texts} page
   */
  newest(session, page) {
    if (page.epoch === session.epoch) {
      session.timeline.take(page.texts, { older: page.more, instead: true });
    }
  }

  /**
   * Have the text `seq`, and those around it, at hand.
   * @param {Session} session
   * @param {number} seq
   * @returns {Promise<boolean>} whether it is there
   */
  async around(session, seq) {
    const { timeline } = session;
    if (timeline.has(seq)) return true;
    await session.reading; // one page at a time: what is on its way may be what is wanted
    if (timeline.has(seq)) return true;
    const before = Math.min(seq + PAGE, session.head + 1);
    await this.#load(session, "around", { before, limit: 2 * PAGE }, (page) => {
      if (page.texts.length) timeline.take(page.texts, { older: page.more, instead: true });
    });
    return timeline.has(seq);
  }

  /**
   * Who said something to somebody has read what was said before: only what came since is unread.
   * @param {Session[]} sessions direct ones
   */
  async readOwn(sessions) {
    const store = this.#store;
    try {
      for (const session of sessions) {
        /** @type {Texts} */
        const { texts, epoch } = await this.#connection.ask({
          type: "history", session: session.name, limit: GLANCE,
        });
        const own = texts.filter((text) => text.source === store.me).at(-1);
        if (own && epoch === session.epoch) store.readTo(own.seq, session);
      }
    } catch {
      // Refused or lost: too much counts as unread, and nothing else is wrong.
    }
  }

  /**
   * Count the texts that call the person among those that came while the page was not there.
   * @param {Session} session
   * @param {Mention} mention
   */
  async countCalls(session, mention) {
    const { epoch } = session;
    const until = session.head;
    let after = session.read;
    try {
      for (let pages = 0; pages < GLANCES && after < until; pages++) {
        /** @type {Texts} */
        const page = await this.#connection.ask({
          type: "history", session: session.name, after, limit: 2 * PAGE,
        });
        if (page.epoch !== epoch || epoch !== session.epoch || !page.texts.length) break;
        const calls = page.texts.filter((text) => text.type === "text" && text.seq <= until
          && text.seq > session.read && text.source !== this.#store.me && mention.isIn(text.data));
        session.mentions += calls.length;
        after = page.texts.at(-1)?.seq ?? until;
      }
    } catch {
      // Refused or lost: they count as unread all the same.
    }
    this.#store.changed.emit("sessions");
  }

  /**
   * @param {Session | undefined} session  undefined: all
   * @param {string} query
   * @param {number} [before] a seq
   * @returns {Promise<Found>} rejects with Refused or Lost
   */
  search(session, query, before) {
    return this.#connection.ask({
      type: "search", session: session?.name, query, before, limit: 50,
    });
  }

  /**
   * @param {Session} session
   * @param {"older" | "newer" | "around"} way
   * @param {Record<string, number>} range
   * @param {(page: Texts) => void} take
   */
  async #load(session, way, range, take) {
    // What is asked for in vain would be asked for again with the next frame.
    if (session.loading || session.stuck || this.#connection.link !== "ready") return;
    session.loading = way;
    try {
      /** @type {Promise<Texts>} */
      const asked = this.#connection.ask({ type: "history", session: session.name, ...range });
      session.reading = asked.then(() => {}, () => {});
      const page = await asked;
      if (page.epoch === session.epoch) take(page);
    } catch (error) {
      session.stuck = error instanceof Refused;
    } finally {
      session.loading = "";
      if (session === this.#store.session) this.#store.changed.emit("texts");
    }
  }
}
