/**
 * A list of any length, of which only the rows in sight (and some around them) are in the page.
 *
 * What one reads stays where it is: before anything changes, the list notes the row at the top edge
 * and how far it is scrolled into it, and afterwards puts that row back there. Only a list that is
 * *pinned* to its end moves by itself, to stay at the end.
 */

import { Heights } from "./heights.js";

/**
 * @typedef {object} Rows
 * @property {number} origin  the number of the first row: rows keep their numbers
 * @property {number} count
 * @property {boolean} ends  whether the last row is the last that there is: one may stay with it
 * @property {(row: number) => string} look  changes when the row looks different
 * @property {(row: number) => HTMLElement} build
 */

/** Pixels above and below the visible part that have rows. */
const MARGIN = 700;

/** Pixels from the end that still count as being there. */
const NEAR = 24;

export class List {
  pinned = true;
  /** The rows in the page: from, and up to but not including. */
  from = 0;
  to = 0;

  #heights = new Heights();
  #origin = 0;
  /** @type {Map<number, { element: HTMLElement, look: string }>} by the row's number */
  #elements = new Map();
  /** The row at the top edge, by its number. @type {{ number: number, into: number }} */
  #anchor = { number: 0, into: 0 };
  /** Whether all rows are in the page, as on paper. */
  #whole = false;
  #top = -1;
  #width = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list  in the scroller
   * @param {Rows} rows
   * @param {() => void} seen  called after each change of what is in sight
   */
  constructor(scroller, list, rows, seen) {
    this.scroller = scroller;
    this.list = list;
    this.rows = rows;
    this.seen = seen;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(list);
    new ResizeObserver(() => this.#resized()).observe(scroller);
  }

  /** Have other rows; `show` or `showEnd` says where to begin. */
  reset() {
    for (const { element } of this.#elements.values()) element.remove();
    this.#elements.clear();
    this.#origin = this.rows.origin;
    this.#heights.reset(this.rows.count);
  }

  /** The rows have changed, at either end or within. */
  render() {
    this.#noteAnchor();
    this.#sync();
    this.#settle();
  }

  /**
   * Scroll to a row.
   * @param {number} number
   * @param {number} [share] how far down the visible part, 0 to 1
   */
  show(number, share = 0.3) {
    this.#sync();
    this.pinned = false;
    this.#anchor = { number, into: -share * this.scroller.clientHeight };
    this.#settle();
  }

  /** Have all rows in the page, to be printed; or those in sight again. @param {boolean} whole */
  print(whole) {
    this.#whole = whole;
    this.render();
  }

  showEnd() {
    this.pinned = true;
    this.#sync();
    this.#settle();
  }

  /** The element of a row, if it is in the page. @param {number} number */
  element(number) {
    return this.#elements.get(number)?.element;
  }

  /** The number of the first row that is in sight, wholly or not. */
  get firstSeen() {
    return this.#origin + this.#heights.at(this.scroller.scrollTop - this.list.offsetTop);
  }

  /** The number of the last row that is wholly in sight (or is all that is). */
  get lastSeen() {
    const bottom = this.scroller.scrollTop - this.list.offsetTop + this.scroller.clientHeight;
    const row = this.#heights.at(bottom);
    const whole = this.#heights.before(row + 1) <= bottom + 2 ? row : row - 1;
    return this.#origin + Math.max(whole, this.#heights.at(bottom - this.scroller.clientHeight));
  }

  /** Pixels between the end of what is in sight and the end of the list. */
  get fromEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #scrolled() {
    if (Math.abs(this.scroller.scrollTop - this.#top) < 1) return; // our own doing
    this.pinned = this.rows.ends && this.fromEnd < NEAR;
    this.render();
  }

  #resized() {
    if (!this.scroller.clientHeight) return;
    const width = this.list.clientWidth;
    const moved = this.#measure();
    if (!moved && width === this.#width && !this.pinned) return;
    this.#width = width;
    this.#settle();
  }

  #noteAnchor() {
    if (this.pinned || !this.#heights.count) return;
    const place = this.scroller.scrollTop - this.list.offsetTop;
    const row = this.#heights.at(place);
    this.#anchor = { number: this.#origin + row, into: place - this.#heights.before(row) };
  }

  /** Have a height for each row, whatever was put before them or taken away. */
  #sync() {
    const { origin, count } = this.rows;
    const moved = this.#origin - origin;
    if (Math.abs(moved) >= Math.max(1, this.#heights.count)) this.#heights.reset(count);
    else if (moved) this.#heights.shift(moved);
    this.#origin = origin;
    this.#heights.resize(count);
  }

  /** Put the rows in sight into the page, and the anchor to its place. */
  #settle() {
    const { clientHeight } = this.scroller;
    if (!clientHeight) return;
    for (let attempt = 0; attempt < 4; attempt++) {
      const top = this.pinned ? this.#heights.total - clientHeight : this.#anchorPlace();
      this.#fill(top - MARGIN, top + clientHeight + MARGIN);
      if (!this.#measure()) break;
    }
    const { offsetTop } = this.list;
    const top = this.pinned
      ? this.scroller.scrollHeight - clientHeight
      : offsetTop + this.#anchorPlace();
    if (Math.abs(this.scroller.scrollTop - top) >= 1) this.scroller.scrollTop = top;
    this.#top = this.scroller.scrollTop;
    if (!this.pinned) this.pinned = this.rows.ends && this.fromEnd < 2;
    this.#noteAnchor();
    this.seen();
  }

  #anchorPlace() {
    const row = this.#anchor.number - this.#origin;
    const last = this.#heights.count - 1;
    return this.#heights.before(Math.max(0, Math.min(row, last))) + this.#anchor.into;
  }

  /**
   * @param {number} top
   * @param {number} bottom
   */
  #fill(top, bottom) {
    const { count } = this.rows;
    this.from = count && !this.#whole ? this.#heights.at(top) : 0;
    this.to = count && !this.#whole ? this.#heights.at(bottom) + 1 : count;
    const wanted = { from: this.#origin + this.from, to: this.#origin + this.to };
    for (const [number, { element }] of this.#elements) {
      if (number >= wanted.from && number < wanted.to) continue;
      if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
      element.remove();
      this.#elements.delete(number);
    }
    /** @type {Element | null} */
    let next = null;
    for (let row = this.to - 1; row >= this.from; row--) next = this.#place(row, next);
    const after = this.#heights.total - this.#heights.before(this.to);
    this.list.style.paddingTop = `${this.#heights.before(this.from)}px`;
    this.list.style.paddingBottom = `${Math.max(0, after)}px`; // sums of fractions are not exact
  }

  /**
   * Have a row's element before another one.
   * @param {number} row
   * @param {Element | null} next
   */
  #place(row, next) {
    const number = this.#origin + row;
    const look = this.rows.look(row);
    const there = this.#elements.get(number);
    if (there?.look === look) return there.element;
    const element = this.rows.build(row);
    if (there) there.element.replaceWith(element);
    else this.list.insertBefore(element, next);
    this.#elements.set(number, { element, look });
    return element;
  }

  /** Learn the heights of the rows in the page. @returns {boolean} whether any is another */
  #measure() {
    let changed = false;
    for (const [number, { element }] of this.#elements) {
      const { height } = element.getBoundingClientRect();
      if (this.#heights.set(number - this.#origin, height)) changed = true;
    }
    return changed;
  }
}
