/** Where one writes. What is written is kept for each session until it is sent. */

/** @import { Client } from "./client.js" */

import { byId } from "./dom.js";
import { names } from "./session.js";
import { eachFrame } from "./signal.js";

/** Characters after which the length is looked at: most texts never come near it. */
const CLOSE_TO_LONG = 4_000;

/** Characters of a name that there is room for. */
const LONG_NAME = 24;

export class Composer {
  #session = "";

  /**
   * @param {Client} client
   * @param {() => void} said  called after something was said
   */
  constructor(client, said) {
    this.client = client;
    this.store = client.store;
    this.said = said;
    this.form = /** @type {HTMLFormElement} */ (byId("composer"));
    this.field = /** @type {HTMLTextAreaElement} */ (byId("write"));
    this.problem = byId("write-problem");
    this.over = byId("over");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say();
    });
    this.field.addEventListener("input", () => this.#changed());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    const turn = eachFrame(() => this.#switch());
    this.store.changed.on((what) => {
      if (what === "current" || what === "login") turn();
    });
  }

  focus() {
    // Not on a phone: there the keyboard would cover what one came to read.
    if (matchMedia("(hover: hover)").matches) this.field.focus({ preventScroll: true });
  }

  #switch() {
    const session = this.store.session;
    const over = session?.over ?? "";
    this.over.textContent = over && `${over} What is here stays until you go elsewhere.`;
    this.over.hidden = !over;
    this.field.readOnly = over !== "";
    this.form.hidden = !session || (over !== "" && !session.draft);
    if (!session || session.name === this.#session) return;
    this.#session = session.name;
    this.field.value = session.draft;
    const { title } = session;
    const name = title.length > LONG_NAME ? `${title.slice(0, LONG_NAME)}…` : title;
    this.field.placeholder = session.other ? `Write to ${name}` : `Say something in ${name}`;
    this.#changed();
    if (!document.querySelector("dialog[open]")) this.focus();
  }

  #changed() {
    const { value } = this.field;
    if (!CSS.supports("field-sizing", "content")) {
      this.field.rows = Math.min(10, value.split("\n").length);
    }
    const problem = value.length > CLOSE_TO_LONG ? this.client.tooLong(value) : "";
    this.problem.textContent = problem;
    this.problem.hidden = !problem;
    this.store.keepDraft(value);
  }

  #say() {
    const session = this.store.session;
    const data = this.field.value.replace(/\s+$/u, "").replace(/^(?:[ \t]*\n)+/u, "");
    if (!session || session.over || !data || this.client.tooLong(data)) return;
    this.client.say(session, data);
    this.#set("");
    this.said();
  }

  /** @param {string} value */
  #set(value) {
    this.field.value = value;
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#say();
    } else if (event.key === "ArrowUp" && !this.field.value && !this.field.readOnly) {
      if (this.#editLast()) event.preventDefault();
    } else if (event.key === "Tab" && !event.shiftKey) {
      if (this.#complete()) event.preventDefault();
    }
  }

  /** Take back the last text that the server can not have yet. */
  #editLast() {
    const text = this.store.outbox.editable(this.#session);
    if (!text) return false;
    this.client.drop(text);
    this.#set(text.data);
    return true;
  }

  /** Complete the name that is being written after an `@`. */
  #complete() {
    const end = this.field.selectionStart;
    const begun = /(?:^|\s)@(\S+)$/u.exec(this.field.value.slice(0, end))?.[1]?.toLowerCase();
    if (!begun) return false;
    const all = [...(this.store.session?.users ?? [])].sort(names.compare);
    const name = all.find((each) => each.toLowerCase().startsWith(begun));
    if (!name) return false;
    this.field.setRangeText(`${name} `, end - begun.length, end, "end");
    this.#changed();
    return true;
  }
}
