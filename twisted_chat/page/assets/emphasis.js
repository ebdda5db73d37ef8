/** Bold, italics and strike: which marks belong together. */

/** @import { Part } from "./markdown.js" */

/** Marks in marks, at most. */
const DEEPEST = 4;

/** The marks that are open, and the parts that are in them. */
export class Marks {
  /** @type {{ sign: string, size: number, parts: Part[] }[]} */
  #open = [];

  /** @param {Part[]} found */
  constructor(found) {
    this.found = found;
  }

  get here() {
    return this.#open.at(-1)?.parts ?? this.found;
  }

  /**
   * @param {string} sign
   * @param {number} size
   * @param {boolean} opens
   * @param {boolean} closes
   */
  take(sign, size, opens, closes) {
    let left = size;
    while (closes && left > 0) {
      const wanted = left;
      const at = this.#open.findLastIndex((mark) =>
        mark.sign === sign && mark.size <= wanted && mark.parts.length > 0);
      if (at < 0) break;
      while (this.#open.length > at + 1) this.#undo();
      const mark = /** @type {{ size: number, parts: Part[] }} */ (this.#open.pop());
      const kind = sign === "~" ? "del" : mark.size === 2 ? "strong" : "em";
      this.here.push({ kind, parts: mark.parts });
      left -= mark.size;
    }
    while (opens && left > 0 && this.#open.length < DEEPEST) {
      const part = left >= 2 ? 2 : 1;
      this.#open.push({ sign, size: part, parts: [] });
      left -= part;
    }
    if (left) this.here.push({ kind: "text", value: sign.repeat(left) });
  }

  /** What was opened last is closed nowhere: it is only a sign. */
  #undo() {
    const mark = this.#open.pop();
    if (mark) this.here.push({ kind: "text", value: mark.sign.repeat(mark.size) }, ...mark.parts);
  }

  end() {
    while (this.#open.length) this.#undo();
  }
}
