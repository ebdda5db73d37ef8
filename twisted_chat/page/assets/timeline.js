/**
 * The part of a session's texts that this page has: a run without holes, `first` to `last`.
 *
 * `seq` has no holes, so a text's place is its seq minus the first one's. The run may end before
 * the session does (after a jump into the past); then new texts are not added, but read when
 * somebody scrolls there.
 */

/** @import { Text } from "./wire.js" */

/** @typedef {{ seq: number, time: number, source: string, data: string }} Line */

/** Texts kept while reading the past, at most: so the page stays small however long one reads. */
export const MOST = 20_000;

/** Texts kept of a session that is followed at its newest end. */
export const FOLLOWED = 1_000;

/** Texts kept of a session that is not shown. */
export const OUT_OF_SIGHT = 200;

/** @param {Text} text @returns {Line} */
const line = ({ seq, time, source, data }) => ({ seq, time, source, data });

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

  /** Add a new text, if it is the next one. @param {Text} text */
  append(text) {
    if (this.lines.length && text.seq !== this.last + 1) return;
    if (!this.lines.length) this.complete = text.seq === 1;
    this.lines.push(line(text));
  }

  /**
   * Take in a page of history, where it touches what is here already; or, with `instead`, at any
   * place.
   * @param {Text[]} texts oldest first
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
