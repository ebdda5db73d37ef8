/** Something that others can be told about. */

/** @template T */
export class Signal {
  /** @type {Set<(value: T) => void>} */
  #listeners = new Set();

  /** @param {(value: T) => void} listener */
  on(listener) {
    this.#listeners.add(listener);
  }

  /** @param {T} value */
  emit(value) {
    for (const listener of this.#listeners) listener(value);
  }
}

/** How many times as long as the work took there is time for something else, before it again. */
const REST = 3;

/**
 * Return a function that runs `work` once in one of the next frames, however often it is called
 * before: in the very next one, unless the work itself would then take up much of the time.
 * @param {() => void} work
 */
export function eachFrame(work) {
  let asked = false;
  let next = 0;
  /** @param {number} now */
  const run = (now) => {
    if (now < next) return void requestAnimationFrame(run);
    asked = false;
    const began = performance.now();
    work();
    const ended = performance.now();
    next = ended + Math.min(100, REST * (ended - began));
    return undefined;
  };
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(run);
  };
}
