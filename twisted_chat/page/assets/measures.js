/** Bans and mutes: how long they hold, how they are set, listed and lifted. */

/** @import { Connection } from "./connection.js" */
/** @import { BanList, Measure } from "./wire.js" */

import { inShort } from "./clock.js";
import { el } from "./dom.js";

/** For how long something may be decided, in seconds; "" for ever. */
const SPANS = [
  ["", "For ever"], ["600", "10 minutes"], ["3600", "An hour"], ["86400", "A day"],
  ["604800", "A week"], ["2592000", "30 days"],
];

/** Have a field offer how long something is to hold. @param {HTMLSelectElement} field */
export function offerSpans(field) {
  field.replaceChildren(...SPANS.map(([seconds, words]) => {
    const option = el("option", "", words ?? "");
    option.value = seconds ?? "";
    return option;
  }));
}

/** Whether that is an address or a network, and so no name. @param {string} words */
export const isAddress = (words) => /^[\d.]+(\/\d+)?$|:/u.test(words);

/**
 * All bans and mutes of a session; rejects with Refused or Lost.
 * @param {Connection} connection
 * @param {string} session
 * @returns {Promise<Measure[]>}
 */
export async function measuresOf(connection, session) {
  /** @type {Measure[]} */
  const found = [];
  for (let more = true; more;) {
    /** @type {BanList} */
    const page = await connection.ask({ type: "bans", session, after: found.length });
    found.push(...page.entries);
    more = page.more === true && page.entries.length > 0;
  }
  return found;
}

/** What is decided, by whom, for how long, and why. @param {Measure} measure */
export function told({ kind, by, until, reason }) {
  const what = kind === "ban" ? "banned" : "muted";
  const span = until === undefined ? "" : ` until ${inShort(until)}`;
  return `${what} by ${by}${span}${reason ? `: ${reason}` : ""}`;
}
