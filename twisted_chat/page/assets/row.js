/** One row of the text list: a text, and above it what begins with it (a day, the new ones). */

/** @import { Mention } from "./mention.js" */
/** @import { Line } from "./timeline.js" */

import { picturesOf } from "./attachments.js";
import { dayOf, hourAndMinute, inFull, machine, nameOfDay } from "./clock.js";
import { avatar, button, el, icon, nameOf } from "./dom.js";
import { shown } from "./format.js";

/** Milliseconds after which a text has its author's name again. */
const PAUSE = 5 * 60_000;

/** Characters of a text that are shown where another answers it. */
const QUOTED = 60;

/** Lines, and characters, over which a text is folded. */
const LONG_LINES = 24;
const LONG = 2_400;

/**
 * What a row does when it is asked to.
 * @typedef {{ unfold: () => void, again: (() => void) | null, drop: () => void,
 *   more: (at: Element) => void, react: (data: string) => void, go: (seq: number) => void,
 *   me: string, quote: (seq: number) => string, person: (name: string) => void }} Does
 *
 * How a row looks, beside its text.
 * @typedef {object} Look
 * @property {boolean} day  it is the first of its day
 * @property {boolean} head  its author's name is shown
 * @property {boolean} isNew  it is the first that is new
 * @property {"" | "waiting" | "sent" | "failed"} state
 * @property {string} reason  why it failed
 * @property {boolean} folded
 * @property {string} link  that leads to it, or "" while it has no place
 */

/**
 * @param {{ time: number, source: string } | undefined} before
 * @param {{ time: number, source: string }} line
 */
export function begins(before, line) {
  const day = !before || dayOf(before.time) !== dayOf(line.time);
  const head = day || before.source !== line.source || line.time - before.time > PAUSE;
  return { day, head };
}

/** How a text begins that another answers; "" where it was taken back. @param {Line} line */
export function quoted({ source, data, redacted }) {
  if (redacted) return "";
  const words = data.replace(/\s+/gu, " ");
  return `${source}: ${words.length > QUOTED ? `${words.slice(0, QUOTED)}…` : words}`;
}

/** Whether a text is too long to be shown whole at once. @param {string} data */
export function isLong(data) {
  if (data.length > LONG) return true;
  let lines = 0;
  for (let at = data.indexOf("\n"); at >= 0; at = data.indexOf("\n", at + 1)) lines += 1;
  return lines >= LONG_LINES;
}

/**
 * @param {Line} line
 * @param {Look} look
 * @param {Mention | null} mention
 * @param {Does} does
 */
export function row(line, look, mention, does) {
  const head = look.head || look.isNew;
  const item = el("li", "row");
  if (head) item.classList.add("head");
  if (look.state) item.classList.add(look.state);
  if (look.day) item.append(divider("day", nameOfDay(line.time)));
  if (look.isNew) item.append(divider("new", "New since you left"));
  const text = el("div", "text");
  if (head) {
    text.append(avatar(line.source), el("div", "by", author(line.source, does), " ", stamp(line.time, look.link)));
  } else {
    const quiet = stamp(line.time, look.link);
    quiet.classList.add("aside");
    text.append(quiet, el("span", "unseen", `${line.source}:`));
  }
  if (line.reply) text.append(answered(line.reply, does));
  const body = bodyOf(line, mention);
  if (line.redacted) item.classList.add("redacted");
  if (line.edited && !line.redacted) body.append(" ", el("span", "note", "(edited)"));
  if (isAction(line.data)) item.classList.add("action");
  text.append(body);
  if (look.folded) {
    body.classList.add("folded");
    text.append(button("link unfold", "Show all of it", does.unfold));
  }
  const pictures = line.redacted ? null : picturesOf(body);
  if (pictures) text.append(pictures);
  if (line.reactions?.length) text.append(reactions(line, does));
  if (look.state) text.append(status(look, does));
  else if (line.seq && !line.redacted) text.append(more(line, does));
  item.append(text);
  return item;
}

/** Whether a text says what its author does. @param {string} data */
export const isAction = (data) => data.startsWith("/me ") && data.length > 4;

/**
 * @param {Line} line
 * @param {Mention | null} mention
 */
function bodyOf({ source, data, redacted }, mention) {
  if (redacted) return el("div", "body", el("span", "note", "This text was taken back."));
  const words = isAction(data)
    ? [nameOf(source), " ", ...shown(data.slice(4), mention)] : shown(data, mention);
  const body = el("div", "body", ...words);
  body.dir = "auto";
  return body;
}

/**
 * Who said it; a press opens the menu at that name. It is no button, so that it is copied with the
 * text, and not reached by Tab: the list of members has every name once.
 * @param {string} source
 * @param {Does} does
 */
function author(source, does) {
  const name = nameOf(source);
  name.tabIndex = -1;
  name.setAttribute("role", "button");
  name.setAttribute("aria-haspopup", "dialog");
  name.addEventListener("click", () => does.person(source));
  return name;
}

/**
 * When it was said; it is also the link to the text, to be copied.
 * @param {number} time
 * @param {string} link
 */
function stamp(time, link) {
  const element = el("time", "", hourAndMinute(time));
  element.dateTime = machine(time);
  element.title = inFull(time);
  if (link) {
    const anchor = el("a", "", hourAndMinute(time));
    anchor.href = link;
    anchor.rel = "noopener";
    anchor.tabIndex = -1; // one for each text would be in the way of the Tab key
    element.replaceChildren(anchor);
  }
  return element;
}

/**
 * @param {string} className
 * @param {string} words
 */
function divider(className, words) {
  return el("div", `divider ${className}`, el("span", "", words));
}

/**
 * @param {Look} look
 * @param {Does} does
 */
function status(look, does) {
  if (look.state !== "failed") return el("div", "status", "waiting");
  const again = does.again ? [button("link", "Send again", does.again), " "] : [];
  return el(
    "div", "status", el("span", "", `Not sent. ${look.reason}`), " ", ...again,
    button("link", "Forget it", does.drop),
  );
}

/**
 * What a text answers, and the way there.
 * @param {number} seq
 * @param {Does} does
 */
function answered(seq, does) {
  const quote = el("bdi", "", does.quote(seq) || "a text");
  const element = button("answered link", "In answer to ", () => does.go(seq));
  element.append(quote);
  return element;
}

/**
 * @param {Line} line
 * @param {Does} does
 */
function reactions(line, does) {
  const list = el("div", "reactions");
  for (const { data, count, users } of line.reactions ?? []) {
    const own = users.includes(does.me);
    const mark = button("reaction", "", () => does.react(data));
    mark.append(el("bdi", "", data), " ", el("span", "", `${count}`));
    mark.setAttribute("aria-pressed", String(own));
    mark.title = users.join(", ") + (count > users.length ? " …" : "");
    mark.setAttribute("aria-label", `${data}, ${count}: ${mark.title}`);
    list.append(mark);
  }
  return list;
}

/**
 * @param {Line} line
 * @param {Does} does
 */
function more(line, does) {
  const element = button("plain more", icon("i-more"), () => does.more(element));
  element.setAttribute("aria-label", `More about this text: ${quoted(line)}`);
  element.title = "Answer, react, edit …";
  element.tabIndex = -1; // one for each text would be in the way: see walking.js
  return element;
}
