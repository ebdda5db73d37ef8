/**
 * Finding one's own name in what others say: as a whole word, with or without an `@` before it,
 * compared after NFC and case folding, and not as a part of an address, a path, a link, or another
 * name. tests/vocabulary/mentions.json says what that means, for this page and all others.
 */

/** @typedef {{ from: number, to: number }} Range in a text, as it was sent */

/** A sign with what belongs to it: these are composed together, whatever stands beside them. */
const CLUSTER = /[\u1100-\u115f]?[\u1160-\u11a7]?[\u11a8-\u11ff]?\p{M}+|[\u1100-\u115f][\u1160-\u11a7]?[\u11a8-\u11ff]?|[^]\p{M}*/gu;
const LINK = /(?<![\p{L}\p{N}])[a-z][a-z0-9+.-]*:\/\/\S+/giu;
const ASCII = /^[\0-\x7f]*$/u;
const WORD = /[\p{L}\p{N}\p{M}_]/u;

/** What joins words into one name, address or path. */
const JOINS = /[@.+/\\\-]/u;

/** What makes another thing of the name behind it: a path, a session, a command. */
const BEFORE = /[@#/\\]/u;

/** Fold case as Unicode does it (`str.casefold` in Python). @param {string} text */
export function folded(text) {
  if (ASCII.test(text)) return text.toLowerCase();
  let out = "";
  for (const sign of text.normalize("NFC")) {
    out += sign === "ı" ? sign : fold(sign);
  }
  return out.normalize("NFC");
}

/** @param {string} sign */
function fold(sign) {
  let out = "";
  for (const upper of sign.toLowerCase().toUpperCase()) out += upper.toLowerCase();
  return out;
}

export class Mention {
  #name;
  #short;

  /** @param {string} user */
  constructor(user) {
    this.#name = folded(user);
    // A name of one letter is a word too often: it has to be called with an `@`.
    this.#short = [...this.#name].length < 2;
  }

  /** Whether a text names the user. @param {string} text */
  isIn(text) {
    return this.find(text).length > 0;
  }

  /** Where a text names the user, the `@` included. @param {string} text @returns {Range[]} */
  find(text) {
    const name = this.#name;
    if (!name || !folded(text).includes(name)) return [];
    const { signs, starts } = clusters(text.replace(LINK, (link) => " ".repeat(link.length)));
    const whole = signs.join("");
    /** @type {number[]} where in `whole` each cluster begins */
    const places = [];
    let place = 0;
    for (const sign of signs) {
      places.push(place);
      place += sign.length;
    }
    places.push(place);
    const found = [];
    for (let at = whole.indexOf(name); at >= 0; at = whole.indexOf(name, at + 1)) {
      const end = at + name.length;
      const first = indexOf(places, at);
      const after = indexOf(places, end);
      if (first < 0 || after < 0) continue;
      const called = signs[first - 1] === "@";
      const begin = called ? first - 1 : first;
      if (this.#short && !called) continue;
      if (isBound(signs, begin - 1, -1) || isBound(signs, after, 1)) continue;
      found.push({ from: starts[begin] ?? 0, to: starts[after] ?? text.length });
      at = end - 1;
    }
    return found;
  }
}

/**
 * Whether what is beside a name makes it a part of something else.
 * @param {string[]} signs
 * @param {number} at  the sign beside it
 * @param {1 | -1} step  away from the name
 */
function isBound(signs, at, step) {
  const beside = signs[at];
  if (beside === undefined) return false;
  if (WORD.test(beside)) return true;
  if (step < 0 && BEFORE.test(beside)) return true;
  const next = signs[at + step];
  return JOINS.test(beside) && next !== undefined && WORD.test(next);
}

/** @param {string} text */
function clusters(text) {
  const signs = [];
  const starts = [];
  for (const match of text.matchAll(CLUSTER)) {
    signs.push(folded(match[0]));
    starts.push(match.index);
  }
  starts.push(text.length);
  return { signs, starts };
}

/** @param {number[]} sorted @param {number} wanted */
function indexOf(sorted, wanted) {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] ?? 0;
    if (value === wanted) return middle;
    if (value < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
