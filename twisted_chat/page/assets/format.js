/**
 * A text as it is shown: links that can be followed, `code`, blocks of code and one's own name are
 * set off; everything else is what it is. No part of a text becomes anything but a text node.
 */

import { el } from "./dom.js";

/** @typedef {{ kind: "text" | "link" | "code" | "block" | "name", value: string }} Token */

const FENCE = "```";
const LINK = /https?:\/\/[^\s<>"'`\u0000-\u0020\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff]+/giu;
const TRAILING = ".,;:!?…";
/** @type {Record<string, string>} */
const OPENING = { ")": "(", "]": "[", "}": "{" };
const BRACKETS = "()[]{}";
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/** Show control characters as the pictures of them: harmless, and not hidden. @param {string} text */
export function harmless(text) {
  return text.replaceAll("\r\n", "\n").replace(CONTROL, (sign) => {
    const code = sign.charCodeAt(0);
    if (code === 0x7f) return "\u2421";
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/**
 * Cut a text into parts.
 * @param {string} text
 * @param {RegExp | null} mention
 * @returns {Token[]}
 */
export function tokens(text, mention) {
  /** @type {Token[]} */
  const found = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf(FENCE, at);
    const close = open < 0 ? -1 : text.indexOf(FENCE, open + FENCE.length);
    if (close < 0) break;
    inline(text.slice(at, open).replace(/\n$/, ""), mention, found);
    const block = text.slice(open + FENCE.length, close).replace(/^[\w+#-]*\n/, "");
    if (block.trim()) found.push({ kind: "block", value: block.replace(/\n$/, "") });
    else found.push({ kind: "text", value: text.slice(open, close + FENCE.length) });
    at = close + FENCE.length;
    if (text[at] === "\n") at += 1;
  }
  inline(text.slice(at), mention, found);
  return found;
}

/**
 * @param {string} text
 * @param {RegExp | null} mention
 * @param {Token[]} found
 */
function inline(text, mention, found) {
  let at = 0;
  let from = 0;
  while (at < text.length) {
    const open = text.indexOf("`", at);
    const close = open < 0 ? -1 : text.indexOf("`", open + 1);
    if (close < 0) break;
    const code = text.slice(open + 1, close);
    if (!code.trim() || code.includes("\n")) {
      at = close; // what closes nothing may open something
      continue;
    }
    links(text.slice(from, open), mention, found);
    found.push({ kind: "code", value: code });
    from = at = close + 1;
  }
  links(text.slice(from), mention, found);
}

/**
 * @param {string} text
 * @param {RegExp | null} mention
 * @param {Token[]} found
 */
function links(text, mention, found) {
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const value = trimmed(match[0]);
    if (!target(value)) continue;
    mentions(text.slice(from, match.index), mention, found);
    found.push({ kind: "link", value });
    from = match.index + value.length;
  }
  mentions(text.slice(from), mention, found);
}

/**
 * @param {string} text
 * @param {RegExp | null} mention
 * @param {Token[]} found
 */
function mentions(text, mention, found) {
  let from = 0;
  for (const match of mention ? text.matchAll(mention) : []) {
    if (match.index > from) found.push({ kind: "text", value: text.slice(from, match.index) });
    found.push({ kind: "name", value: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "text", value: text.slice(from) });
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

/**
 * The nodes that show a text.
 * @param {string} data
 * @param {RegExp | null} mention
 * @returns {Node[]}
 */
export function shown(data, mention) {
  return tokens(harmless(data), mention).map(({ kind, value }) => {
    switch (kind) {
      case "code": return el("code", "", value);
      case "block": return el("pre", "", el("code", "", value));
      case "name": return el("mark", "", value);
      case "link": return anchor(value);
      default: return document.createTextNode(value);
    }
  });
}

/** @param {string} link */
function anchor(link) {
  const element = el("a", "", link);
  element.href = target(link);
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow ugc";
  element.title = element.href;
  return element;
}
