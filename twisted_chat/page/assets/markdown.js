/**
 * What the parts of a text are: a small part of Markdown (bold, italics, strike, code, blocks of
 * code, quotes, lists, links), links that can be followed, and one's own name. Everything else is
 * what it is: 2*3*4, snake_case and ¯\_(ツ)_/¯ stay as they were written.
 *
 * Each sign is looked at a bounded number of times: no text takes long.
 */

/** @import { Mention } from "./mention.js" */

import { Marks } from "./emphasis.js";

/**
 * @typedef {{ kind: "text" | "code" | "block" | "name", value: string }} Leaf
 * @typedef {{ kind: "link", value: string, href: string }} Link
 * @typedef {{ kind: "strong" | "em" | "del" | "quote" | "list" | "item", parts: Part[],
 *   number?: number, deep?: number }} Branch
 * @typedef {Leaf | Link | Branch} Part
 */

const FENCE = "```";
const LINK = /https?:\/\/[^\s<>"'`\u0000-\u0020\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff]+/giu;
const TRAILING = ".,;:!?…*_~";
/** @type {Record<string, string>} */
const OPENING = { ")": "(", "]": "[", "}": "{" };
const BRACKETS = "()[]{}";

const QUOTE = /^>(?: |$)/u;
const ITEM = /^( {0,6})(?:[-*•]|(\d{1,4})[.)]) +(?=\S)/u;
const LABELLED = /\[([^[\]\n]{1,200})\]\((https?:\/\/[^\s()<>"'`]{1,2000}(?:\([^\s()<>"'`]{0,200}\)[^\s()<>"'`]{0,2000})?)\)/giuy;

/** What may stand before a mark that opens, and after one that closes: else it is a sign. */
const OUTSIDE_BEFORE = /[\s"'“‘([{<*_~—–,;:-]/u;
const OUTSIDE_AFTER = /[\s"'”’)\]}>*_~—–.,:;!?…-]/u;

/** What may stand inside a mark: a word, or what words are put in. */
const INSIDE = /[\p{L}\p{N}\p{M}\p{Extended_Pictographic}"'“”‘’()[\]{}<>*_~@#%&$€£!?.,:;…+=/\u0060-]/u;

const WORD = /[\p{L}\p{N}_]/u;

/** Quotes in quotes, at most. */
const DEEPEST = 4;

/**
 * Cut a text into parts.
 * @param {string} text
 * @param {Mention | null} mention
 * @returns {Part[]}
 */
export function parts(text, mention) {
  return new Parser(mention).blocks(text, 0);
}

class Parser {
  /** @param {Mention | null} mention */
  constructor(mention) {
    this.mention = mention;
  }

  /**
   * @param {string} text
   * @param {number} depth  quotes around it
   */
  blocks(text, depth) {
    /** @type {Part[]} */
    const found = [];
    let at = 0;
    while (at < text.length) {
      const open = text.indexOf(FENCE, at);
      const close = open < 0 ? -1 : text.indexOf(FENCE, open + FENCE.length);
      if (close < 0) break;
      this.#lines(text.slice(at, open).replace(/\n$/, ""), depth, found);
      const block = text.slice(open + FENCE.length, close).replace(/^[\w+#-]*\n/, "");
      if (block.trim()) found.push({ kind: "block", value: block.replace(/\n$/, "") });
      else found.push({ kind: "text", value: text.slice(open, close + FENCE.length) });
      at = close + FENCE.length;
      if (text[at] === "\n") at += 1;
    }
    this.#lines(text.slice(at), depth, found);
    return found;
  }

  /**
   * @param {string} text
   * @param {number} depth
   * @param {Part[]} found
   */
  #lines(text, depth, found) {
    if (!text) return;
    const lines = text.split("\n");
    /** @type {string[]} */
    let plain = [];
    const flush = () => {
      if (plain.length) this.inline(plain.join("\n"), found);
      plain = [];
    };
    for (let at = 0; at < lines.length;) {
      const begun = at;
      if (depth < DEEPEST) while (QUOTE.test(lines[at] ?? "")) at += 1;
      if (at > begun) {
        flush();
        const quoted = lines.slice(begun, at).map((line) => line.replace(QUOTE, ""));
        found.push({ kind: "quote", parts: this.blocks(quoted.join("\n"), depth + 1) });
        continue;
      }
      if (ITEM.test(lines[at] ?? "")) {
        flush();
        at = this.#list(lines, at, found);
        continue;
      }
      plain.push(lines[at] ?? "");
      at += 1;
    }
    flush();
  }

  /**
   * @param {string[]} lines
   * @param {number} at  of the first item
   * @param {Part[]} found
   * @returns {number} where the list has ended
   */
  #list(lines, at, found) {
    /** @type {Branch} */
    const list = { kind: "list", parts: [] };
    for (;;) {
      const begins = ITEM.exec(lines[at] ?? "");
      if (!begins) break;
      const body = [(lines[at] ?? "").slice(begins[0].length)];
      for (at += 1; at < lines.length; at += 1) { // lines that are set in belong to it
        const line = lines[at] ?? "";
        if (!/^ {2,}\S/u.test(line) || ITEM.test(line)) break;
        body.push(line.trimStart());
      }
      const item = /** @type {Branch} */ ({
        kind: "item", parts: [], deep: Math.min(2, Math.floor((begins[1] ?? "").length / 2)),
      });
      if (begins[2]) item.number = Number(begins[2]);
      this.inline(body.join("\n"), item.parts);
      list.parts.push(item);
    }
    found.push(list);
    return at;
  }

  /**
   * @param {string} text
   * @param {Part[]} found
   */
  inline(text, found) {
    const marks = new Marks(found);
    let at = 0;
    let from = 0;
    const flush = (/** @type {number} */ to) => {
      if (to > from) this.#named(text.slice(from, to), marks.here);
    };
    LINK.lastIndex = 0;
    let link = LINK.exec(text);
    let ticks = text.indexOf("`");
    while (at < text.length) {
      while (link && link.index < at) link = LINK.exec(text);
      if (link?.index === at) {
        const value = trimmed(link[0]);
        const href = target(value);
        if (href) {
          flush(at);
          marks.here.push({ kind: "link", value, href });
          from = at += value.length;
          LINK.lastIndex = at;
          link = LINK.exec(text);
          continue;
        }
      }
      const sign = text[at] ?? "";
      if (sign === "`" && ticks >= 0) {
        const close = text.indexOf("`", at + 1);
        if (close < 0) ticks = -1;
        const code = close < 0 ? "" : text.slice(at + 1, close);
        if (code.trim() && !code.includes("\n")) {
          flush(at);
          marks.here.push({ kind: "code", value: code });
          from = at = close + 1;
        } else {
          at = close < 0 ? at + 1 : close; // what closes nothing may open something
        }
        LINK.lastIndex = at;
        link = link && link.index < at ? LINK.exec(text) : link;
        continue;
      }
      if (sign === "[") {
        LABELLED.lastIndex = at;
        const labelled = LABELLED.exec(text);
        const href = labelled ? target(labelled[2] ?? "") : "";
        // What looks like an address leads there, and nowhere else.
        if (labelled && href && !/[./]\S/u.test(labelled[1] ?? "") && (labelled[1] ?? "").trim()) {
          flush(at);
          marks.here.push({ kind: "link", value: labelled[1] ?? "", href });
          from = at += labelled[0].length;
          continue;
        }
      }
      if (sign === "*" || sign === "_" || sign === "~") {
        let end = at + 1;
        while (text[end] === sign) end += 1;
        const before = text[at - 1] ?? " ";
        const after = text[end] ?? " ";
        const opens = OUTSIDE_BEFORE.test(before) && INSIDE.test(signAt(text, end));
        const closes = OUTSIDE_AFTER.test(after) && isInside(text, at)
          && !(/[.:-]/u.test(after) && WORD.test(text[end + 1] ?? "")); // __init__.py
        const size = end - at;
        if ((opens || closes) && size <= 3 && (sign !== "~" || size === 2)) {
          flush(at);
          marks.take(sign, size, opens, closes);
          from = end;
        }
        at = end;
        continue;
      }
      at += 1;
    }
    flush(text.length);
    marks.end();
  }

  /**
   * @param {string} text
   * @param {Part[]} found
   */
  #named(text, found) {
    let from = 0;
    for (const range of this.mention?.find(text) ?? []) {
      if (range.from > from) found.push({ kind: "text", value: text.slice(from, range.from) });
      found.push({ kind: "name", value: text.slice(range.from, range.to) });
      from = range.to;
    }
    if (from < text.length) found.push({ kind: "text", value: text.slice(from) });
  }
}

/** @param {string} text @param {number} at */
function signAt(text, at) {
  const code = text.codePointAt(at);
  return code === undefined ? " " : String.fromCodePoint(code);
}

/** Whether what ends at a place may end a marked part. @param {string} text @param {number} at */
function isInside(text, at) {
  const low = text.charCodeAt(at - 1);
  const isPair = at > 1 && low >= 0xdc00 && low < 0xe000;
  return at > 0 && (low === 0xfe0f || INSIDE.test(signAt(text, isPair ? at - 2 : at - 1)));
}

/** A link without the punctuation of the sentence around it. @param {string} link */
function trimmed(link) {
  /** @type {Record<string, number>} */
  const brackets = {};
  for (const sign of link) if (BRACKETS.includes(sign)) {
    brackets[sign] = (brackets[sign] ?? 0) + 1;
  }
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1] ?? "";
    const opening = OPENING[last];
    if (!opening && !TRAILING.includes(last)) break;
    if (opening && (brackets[last] ?? 0) <= (brackets[opening] ?? 0)) break;
    if (opening) brackets[last] = (brackets[last] ?? 0) - 1;
  }
  return link.slice(0, end);
}

/** Where a link leads, or "" where that is nowhere. @param {string} link */
function target(link) {
  try {
    const url = new URL(link);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : "";
  } catch {
    return "";
  }
}
