/** Setting off, in what a search has found, the words that were looked for. */

import { el } from "./dom.js";
import { folded } from "./mention.js";

const WORD = /[\p{L}\p{N}\p{Mn}\p{Mc}\p{Co}]+/gu;
const TERM = /"([^"]*)"(\*?)|([^\s"]+)/gu;

/** Characters of a text that are shown before the first word that was found. */
const BEFORE = 60;

/** @param {string} text */
const plain = (text) => folded(text.normalize("NFD").replace(/[\u0300-\u036f]/gu, ""));

/** @typedef {{ words: string[], prefix: boolean }} Term */

/** What a query looks for. @param {string} query @returns {Term[]} */
export function termsOf(query) {
  return [...query.matchAll(TERM)].map(([, phrase, star, word]) => ({
    words: ((phrase ?? word ?? "").match(WORD) ?? []).map(plain),
    prefix: star === "*" || (word ?? "").endsWith("*"),
  })).filter(({ words }) => words.length);
}

/**
 * Where the words of a query stand in a text, in order, one after the other.
 * @param {string} text
 * @param {Term[]} terms
 */
export function occurrences(text, terms) {
  const said = [...text.matchAll(WORD)].map((match) => ({
    from: match.index, to: match.index + match[0].length, word: plain(match[0]),
  }));
  const marked = new Set();
  for (const { words, prefix } of terms) {
    for (let at = 0; at + words.length <= said.length; at++) {
      const fits = words.every((word, index) => {
        const there = said[at + index]?.word ?? "";
        return prefix && index === words.length - 1 ? there.startsWith(word) : there === word;
      });
      if (fits) words.forEach((_, index) => marked.add(at + index));
    }
  }
  return said.filter((_, at) => marked.has(at));
}

/**
 * A part of a text, with the words of a query set off.
 * @param {string} text
 * @param {string} query
 * @param {number} length  characters, at most
 * @returns {(Node | string)[]}
 */
export function glimpse(text, query, length) {
  const found = occurrences(text, termsOf(query));
  let begin = 0;
  if (text.length > length && found[0] && found[0].from > BEFORE) {
    begin = text.lastIndexOf(" ", found[0].from - BEFORE) + 1 || found[0].from - BEFORE;
  }
  const end = Math.min(text.length, begin + length);
  /** @type {(Node | string)[]} */
  const nodes = begin ? ["…"] : [];
  let at = begin;
  for (const { from, to } of found) {
    if (to > end) break;
    nodes.push(text.slice(at, from), el("mark", "", text.slice(from, to)));
    at = to;
  }
  nodes.push(text.slice(at, end));
  if (end < text.length) nodes.push("…");
  return nodes;
}
