/**
 * The heights of very many rows: measured where a row has been seen, guessed where it has not.
 * Sums over blocks make it quick to turn a row into a place and a place into a row.
 */

const BLOCK = 256;

export class Heights {
  /** @type {number[]} negative: guessed */
  #rows = [];
  /** @type {number[]} */
  #blocks = [];
  #total = 0;
  #measured = 0;
  #measuredSum = 0;

  get count() {
    return this.#rows.length;
  }

  get total() {
    return this.#total;
  }

  /** What an unseen row is taken for: the mean of those seen. */
  get guess() {
    return this.#measured < 20 ? 32 : this.#measuredSum / this.#measured;
  }

  /** Begin anew, with that many unseen rows. @param {number} count */
  reset(count) {
    this.#rows = new Array(count).fill(-this.guess);
    this.#sumUp();
  }

  /** Rows were put before the first one (or taken away there). @param {number} count */
  shift(count) {
    if (count > 0) this.#rows = new Array(count).fill(-this.guess).concat(this.#rows);
    else this.#rows = this.#rows.slice(-count);
    this.#sumUp();
  }

  /** Have that many rows, by adding or taking away at the end. @param {number} count */
  resize(count) {
    if (count === this.#rows.length) return;
    if (count < this.#rows.length) {
      this.#rows.length = count;
      this.#sumUp();
      return;
    }
    const guess = this.guess;
    while (this.#rows.length < count) {
      const block = Math.floor(this.#rows.length / BLOCK);
      this.#blocks[block] = (this.#blocks[block] ?? 0) + guess;
      this.#total += guess;
      this.#rows.push(-guess);
    }
  }

  /**
   * @param {number} row
   * @param {number} height
   * @returns {boolean} whether it was another
   */
  set(row, height) {
    const was = this.#rows[row] ?? 0;
    if (was < 0) {
      this.#measured += 1;
      this.#measuredSum += height;
    }
    const change = height - Math.abs(was);
    this.#rows[row] = height;
    if (Math.abs(change) < 0.01) return false;
    const block = Math.floor(row / BLOCK);
    this.#blocks[block] = (this.#blocks[block] ?? 0) + change;
    this.#total += change;
    return true;
  }

  /** Where a row begins. @param {number} row */
  before(row) {
    const block = Math.floor(row / BLOCK);
    let sum = 0;
    for (let at = 0; at < block; at++) sum += this.#blocks[at] ?? 0;
    for (let at = block * BLOCK; at < row; at++) sum += Math.abs(this.#rows[at] ?? 0);
    return sum;
  }

  /** Which row is at a place; the nearest where there is none. @param {number} place */
  at(place) {
    let block = 0;
    let rest = place;
    while (block < this.#blocks.length - 1 && rest >= (this.#blocks[block] ?? 0)) {
      rest -= this.#blocks[block] ?? 0;
      block += 1;
    }
    let row = block * BLOCK;
    const last = this.#rows.length - 1;
    while (row < last && rest >= Math.abs(this.#rows[row] ?? 0)) {
      rest -= Math.abs(this.#rows[row] ?? 0);
      row += 1;
    }
    return Math.max(0, Math.min(row, last));
  }

  #sumUp() {
    this.#blocks = [];
    this.#total = 0;
    this.#rows.forEach((height, row) => {
      const block = Math.floor(row / BLOCK);
      this.#blocks[block] = (this.#blocks[block] ?? 0) + Math.abs(height);
      this.#total += Math.abs(height);
    });
  }
}
