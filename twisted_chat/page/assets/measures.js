/** Bans and mutes: how long they hold, how they are set, listed and lifted. */

/** @import { Connection } from "./connection.js" */
/** @import { BanList, Measure } from "./wire.js" */

import { inShort } from "./clock.js";
import { button, byId, el, nameOf } from "./dom.js";

/** For how long something may be decided, in seconds; "" for ever. */
const SPANS = [
  ["", "For ever"], ["600", "10 minutes"], ["3600", "An hour"], ["86400", "A day"],
  ["604800", "A week"], ["2592000", "30 days"],
];

/**
 * Where something is decided: in a session, or on the whole server.
 * @typedef {{ session: string } | { server: true }} Where
 */

/** Have a field offer how long something is to hold. @param {HTMLSelectElement} field */
export function offerSpans(field) {
  field.replaceChildren(...SPANS.map(([seconds, words]) => {
    const option = el("option", "", words ?? "");
    option.value = seconds ?? "";
    return option;
  }));
}

/** Whether that is an address or a network, and so no name. @param {string} words */
const isAddress = (words) => /^[\d.]+(\/\d+)?$|:/u.test(words);

/**
 * All bans and mutes; rejects with Refused or Lost.
 * @param {Connection} connection
 * @param {Where} where
 * @returns {Promise<Measure[]>}
 */
export async function measuresOf(connection, where) {
  /** @type {Measure[]} */
  const found = [];
  for (let more = true; more;) {
    /** @type {BanList} */
    const page = await connection.ask({ type: "bans", ...where, after: found.length });
    found.push(...page.entries);
    more = page.more === true && page.entries.length > 0;
  }
  return found;
}

/** What is decided, by whom, for how long, and why. @param {Measure} measure */
function told({ kind, by, until, reason }) {
  const what = kind === "ban" ? "banned" : "muted";
  const span = until === undefined ? "" : ` until ${inShort(until)}`;
  return `${what} by ${by}${span}${reason ? `: ${reason}` : ""}`;
}

/** The list of them in a dialog, from which one is lifted, and a form by which one is added. */
export class MeasuresPart {
  /** @type {Where | null} */
  #where = null;

  /**
   * @param {Connection} connection
   * @param {HTMLDetailsElement} part  where it is put
   * @param {string} prefix  of the ids of what it is made of, as there is more than one
   * @param {string} none  what is said where there are none
   */
  constructor(connection, part, prefix, none) {
    this.connection = connection;
    this.part = part;
    this.none = none;
    this.prefix = prefix;
    const made = /** @type {HTMLTemplateElement} */ (byId("measures")).content.cloneNode(true);
    for (const one of /** @type {DocumentFragment} */ (made).querySelectorAll("[id], [for]")) {
      for (const name of ["id", "for"]) {
        const named = one.getAttribute(name);
        if (named) one.setAttribute(name, prefix + named);
      }
    }
    part.append(made);
    offerSpans(/** @type {HTMLSelectElement} */ (byId(`${prefix}ban-span`)));
    part.addEventListener("toggle", () => void this.#fill());
    this.#field("ban-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell(() => this.#add());
    });
  }

  /** @param {Where | null} where  null: it is not for who is here @param {boolean} open */
  show(where, open) {
    this.#where = where;
    this.part.hidden = !where;
    this.part.open = open;
    this.#problem("");
    void this.#fill();
  }

  async #fill() {
    const where = this.#where;
    if (!where || !this.part.open) return;
    const words = this.#field("bans-words");
    try {
      const found = await measuresOf(this.connection, where);
      if (where !== this.#where) return;
      this.#field("bans-list").replaceChildren(...found.map((one) => this.#row(where, one)));
      words.textContent = found.length ? "" : this.none;
    } catch (error) {
      words.textContent = error instanceof Error ? error.message : "";
    }
  }

  /** @param {Where} where @param {Measure} measure */
  #row(where, measure) {
    const { kind, user, address } = measure;
    const whom = user ?? address ?? "";
    const lift = button("", "Lift", () => this.#tell(async () => {
      const about = user === undefined ? { address } : { user };
      await this.connection.ask({ type: `un${kind}`, ...where, ...about });
      await this.#fill();
      this.#field("ban-whom").focus();
    }));
    lift.setAttribute("aria-label", `Lift the ${kind} of ${whom}`);
    const words = el("span", "grow", nameOf(whom), " ", el("span", "note", told(measure)));
    return el("li", "line", words, lift);
  }

  async #add() {
    const where = this.#where;
    const whom = this.#field("ban-whom").value.trim();
    if (!where || !whom) return;
    const seconds = Number(this.#field("ban-span").value);
    const reason = this.#field("ban-reason").value.trim();
    await this.connection.ask({
      type: this.#field("ban-kind").value, ...where,
      ...(isAddress(whom) ? { address: whom } : { user: whom.replace(/^@/u, "") }),
      ...(seconds && { seconds }), ...(reason && { reason }),
    });
    /** @type {HTMLFormElement} */ (byId(`${this.prefix}ban-form`)).reset();
    await this.#fill();
  }

  /** @param {string} id @returns {HTMLInputElement} */
  #field(id) {
    return byId(this.prefix + id);
  }

  /** Do something, and say beside it what was refused. @param {() => Promise<unknown>} work */
  #tell(work) {
    this.#problem("");
    work().catch((error) => this.#problem(error instanceof Error ? error.message : ""));
  }

  /** @param {string} sentence */
  #problem(sentence) {
    const problem = this.#field("ban-problem");
    problem.textContent = sentence;
    problem.hidden = !sentence;
  }
}
