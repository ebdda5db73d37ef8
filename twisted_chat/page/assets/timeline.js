/**
 * The part of a session's texts that this page has: a run without holes, `first` to `last`.
 *
 * `seq` has no holes, so a text's place is its seq minus the first one's. The run may end before
 * the session does (after a jump into the past); then new texts are not added, but read when
 * somebody scrolls there.
 */

/** @import { Change, Entry, Reaction } from "./wire.js" */

/**
 * What stands at a seq: a text as it is now, or (with `of`) a change of another, which has no row.
 * `version` counts how often it was changed here.
 * @typedef {{ seq: number, time: number, source: string, data: string, of?: number,
 *   reply?: number | undefined, edited?: boolean, redacted?: boolean, reactions?: Reaction[],
 *   version?: number }} Line
 */

/** Texts kept while reading the past, at most: so the page stays small however long one reads. */
export const MOST = 20_000;

/** Texts kept of a session that is followed at its newest end. */
export const FOLLOWED = 1_000;

/** Texts kept of a session that is not shown. */
export const OUT_OF_SIGHT = 200;

/** @param {Entry} entry @returns {Line} */
function line(entry) {
  const { seq, time, source } = entry;
  if (entry.type !== "text") return { seq, time, source, data: "", of: entry.of };
  const { data, reply, edited, redacted, reactions } = entry;
  return {
    seq, time, source, data, reply, edited: edited !== undefined,
    redacted: redacted !== undefined, reactions: reactions ?? [], version: 0,
  };
}

export class Timeline {
  /** @type {Line[]} */
  lines = [];
  /** Whether the first line is the oldest that the server has. */
  complete = false;

  get first() {
    return this.lines[0]?.seq ?? 0;
  }

  get last() {
    return this.lines.at(-1)?.seq ?? 0;
  }

  /** @param {number} seq */
  get(seq) {
    return this.lines[seq - this.first];
  }

  /** @param {number} seq */
  has(seq) {
    return this.lines.length > 0 && seq >= this.first && seq <= this.last;
  }

  /** Do to a text what was done to it, if it is at hand. @param {Change} change */
  apply(change) {
    const text = this.get(change.of);
    if (!text || text.of !== undefined || text.redacted) return;
    const { type, data = "", source, undo = false } = change;
    text.version = (text.version ?? 0) + 1;
    if (type === "edited") {
      text.data = data;
      text.edited = true;
    } else if (type === "redacted") {
      text.data = "";
      text.redacted = true;
      text.reactions = [];
    } else {
      text.reactions = reacted(text.reactions ?? [], data, source, undo);
    }
  }

  /** Add a new entry, if it is the next one. @param {Entry} text */
  append(text) {
    if (this.lines.length && text.seq !== this.last + 1) return;
    if (!this.lines.length) this.complete = text.seq === 1;
    this.lines.push(line(text));
  }

  /**
   * Take in a page of history, where it touches what is here already; or, with `instead`, at any
   * place.
   * @param {Entry[]} texts oldest first
   * @param {{ older?: boolean, instead?: boolean }} how `older`: there are older ones
   */
  take(texts, { older, instead = false }) {
    const from = texts[0]?.seq;
    const to = texts.at(-1)?.seq;
    if (from === undefined || to === undefined) {
      if (older === false) this.complete = true;
      return;
    }
    const touches = this.lines.length > 0 && from <= this.last + 1 && to >= this.first - 1;
    if (!touches) {
      if (this.lines.length && !instead) return;
      this.lines = texts.map(line);
      this.complete = from === 1 || older === false;
      return;
    }
    const last = this.last;
    if (from < this.first) {
      const before = texts.filter((text) => text.seq < this.first).map(line);
      this.lines = before.concat(this.lines);
      this.complete = from === 1 || older === false;
    }
    for (const text of texts) if (text.seq > last) this.lines.push(line(text));
  }

  /** Keep only the newest lines. @param {number} most */
  keepNewest(most) {
    if (this.lines.length <= 2 * most) return;
    this.lines = this.lines.slice(-most);
    this.complete = false;
  }

  /** Let go of what is farthest from the reader. @param {number} seq what is being read */
  keepAround(seq) {
    if (this.lines.length <= MOST) return;
    const at = seq - this.first;
    if (at < this.lines.length / 2) {
      this.lines.length = MOST * 0.75;
    } else {
      this.lines = this.lines.slice(-MOST * 0.75);
      this.complete = false;
    }
  }

  clear() {
    this.lines = [];
    this.complete = false;
  }
}

/**
 * @param {Reaction[]} reactions
 * @param {string} data
 * @param {string} source
 * @param {boolean} undo
 */
function reacted(reactions, data, source, undo) {
  const known = reactions.find((reaction) => reaction.data === data);
  if (!known) return undo ? reactions : [...reactions, { data, count: 1, users: [source] }];
  const users = known.users.filter((user) => user !== source);
  if (!undo) users.push(source);
  const count = known.count + (undo ? -1 : 1);
  return reactions.map((each) => (each === known ? { data, count, users } : each))
    .filter((each) => each.count > 0);
}
