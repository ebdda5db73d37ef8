/** A text as it is shown. No part of a text becomes anything but a text node. */

/** @import { Branch, Part } from "./markdown.js" */
/** @import { Mention } from "./mention.js" */

import { fileOf } from "./attachments.js";
import { el } from "./dom.js";
import { parts } from "./markdown.js";

/** What clients of IRC make a text bold, or coloured, with: it is no part of what is said. */
const FORMAT = /\u0003(?:\d{1,2}(?:,\d{1,2})?)?|\u0004(?:[\da-f]{6}(?:,[\da-f]{6})?)?|[\u0002\u000f\u0011\u0016\u001d-\u001f]/giu;

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/**
 * Show control characters as the pictures of them: harmless, and not hidden; but for IRC's formats.
 * @param {string} text
 */
export function harmless(text) {
  return text.replaceAll("\r\n", "\n").replace(FORMAT, "").replace(CONTROL, (sign) => {
    const code = sign.charCodeAt(0);
    if (code === 0x7f) return "\u2421";
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/**
 * The nodes that show a text.
 * @param {string} data
 * @param {Mention | null} mention
 * @returns {Node[]}
 */
export function shown(data, mention) {
  return parts(harmless(data), mention).map(node);
}

/** @param {Part} part @returns {Node} */
function node(part) {
  switch (part.kind) {
    case "code": return el("code", "", part.value);
    case "block": return el("pre", "", el("code", "", part.value));
    case "name": return el("mark", "", part.value);
    case "link": return anchor(part.value, part.href);
    case "text": return document.createTextNode(part.value);
    case "quote": return el("blockquote", "", ...part.parts.map(node));
    case "list": return list(part);
    case "item": {
      const item = el("li", `deep-${part.deep ?? 0}`, ...part.parts.map(node));
      if (part.number === undefined) item.classList.add("dot");
      else item.value = part.number;
      return item;
    }
    default: return el(part.kind, "", ...part.parts.map(node));
  }
}

/** @param {Branch} part */
function list(part) {
  const first = part.parts[0];
  const isNumbered = first?.kind === "item" && first.number !== undefined;
  return el(isNumbered ? "ol" : "ul", "", ...part.parts.map(node));
}

/**
 * @param {string} words
 * @param {string} href
 */
function anchor(words, href) {
  const kept = fileOf(href);
  const element = el("a", kept ? "file" : "", kept && words === href ? kept.name : words);
  element.href = href;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow ugc";
  element.title = element.href;
  return element;
}

const BLOCKS = new Set(["block", "quote", "list", "item"]);

/** A text in a line, without its marks: for a notification, a reply, a list. @param {string} data */
export function plain(data) {
  /** @type {(all: Part[]) => string} */
  const flat = (all) => all.map((part) => {
    const words = "value" in part ? part.value : flat(part.parts);
    return BLOCKS.has(part.kind) ? ` ${words} ` : words;
  }).join("");
  return flat(parts(harmless(data), null)).replace(/\s+/gu, " ").trim();
}
