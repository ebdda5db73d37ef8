/**
 * A list to choose from while one writes: names after an `@`, commands after a `/`. The arrow keys
 * choose, Enter or Tab takes, Escape puts it away; so does a finger.
 */

import { byId, el } from "./dom.js";

/** Choices that are offered at once, at most. */
const MOST = 8;

/**
 * @typedef {object} Choice
 * @property {string} name
 * @property {string} [note]
 * @property {Node} [picture]
 *
 * @typedef {object} Offer
 * @property {number} from  where what is chosen is written to, in the field
 * @property {Choice[]} choices
 */

export class Choices {
  #from = 0;
  /** @type {Choice[]} */
  #choices = [];
  #chosen = 0;
  /** Whether the arrow keys have chosen. */
  #picked = false;
  /** What was put away stays away, until something else could be chosen. */
  #refused = "";

  /**
   * @param {HTMLTextAreaElement} field
   * @param {(before: string) => Offer | null} offers  for what stands before the cursor
   * @param {() => void} taken
   */
  constructor(field, offers, taken) {
    this.field = field;
    this.offers = offers;
    this.taken = taken;
    this.list = byId("choices");
    // A press must not take the focus: on a phone the keyboard would go.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest("[role=option]");
      if (option) this.#take([...this.list.children].indexOf(option));
    });
    field.addEventListener("blur", () => this.close());
    field.addEventListener("click", () => this.update());
  }

  get open() {
    return !this.list.hidden;
  }

  /** Offer what fits what is written now. */
  update() {
    const { selectionStart, selectionEnd, value } = this.field;
    const before = value.slice(0, selectionStart);
    const offer = selectionStart === selectionEnd ? this.offers(before) : null;
    if (!offer?.choices.length) {
      this.#refused = "";
      return this.close();
    }
    const key = before.slice(0, offer.from);
    if (this.#refused === `${key}.`) return this.close();
    this.#refused = "";
    this.#from = offer.from;
    this.#choices = offer.choices.slice(0, MOST);
    this.list.replaceChildren(...this.#choices.map(({ name, note, picture }, at) => {
      const option = el("li", "option", ...(picture ? [picture] : []), el("bdi", "name", name));
      if (note) option.append(el("span", "note", note));
      option.id = `choice-${at}`;
      option.setAttribute("role", "option");
      return option;
    }));
    this.list.hidden = false;
    this.#picked = false;
    return this.#choose(0);
  }

  close() {
    this.list.hidden = true;
    this.#choices = [];
    this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was meant for the list */
  pressed(event) {
    if (!this.open) return false;
    const { key, shiftKey } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.#picked = true;
      this.#choose(this.#chosen + (key === "ArrowDown" ? 1 : -1));
    } else if (key === "Enter" && !shiftKey && this.#isWritten) {
      this.close();
      return false; // what is written is whole already
    } else if ((key === "Tab" || key === "Enter") && !shiftKey) this.#take(this.#chosen);
    else if (key === "Escape") {
      this.#refused = `${this.field.value.slice(0, this.#from)}.`;
      this.close();
      event.stopPropagation();
    } else return false;
    event.preventDefault();
    return true;
  }

  /** Whether Enter can only mean what is written, and not what is offered. */
  get #isWritten() {
    if (this.#picked) return false;
    const written = this.field.value.slice(this.#from, this.field.selectionStart).toLowerCase();
    return !written || written === "/" || this.#choices.some(({ name }) => name.toLowerCase() === written);
  }

  /** @param {number} at */
  #choose(at) {
    const count = this.#choices.length;
    this.#chosen = (at + count) % count;
    [...this.list.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#chosen));
    });
    this.field.setAttribute("aria-activedescendant", `choice-${this.#chosen}`);
  }

  /** @param {number} at */
  #take(at) {
    const choice = this.#choices[at];
    if (!choice) return;
    this.field.setRangeText(`${choice.name} `, this.#from, this.field.selectionStart, "end");
    this.close();
    this.taken();
  }
}
