/** What can be done to a text: answer it, react to it, copy its link, edit it, take it back. */

/** @import { Client } from "./client.js" */
/** @import { Composer } from "./composer.js" */
/** @import { Line } from "./timeline.js" */

import { byId, closeOnOutside } from "./dom.js";
import { linkTo } from "./places.js";
import { mayRule } from "./rights.js";

/** What one reacts with, mostly; anything else can be written. */
const MARKS = ["👍", "❤️", "😄", "🎉", "👀", "✅", "🙏", "😕"];

export class Menu {
  /** @type {Line | null} */
  #line = null;

  /**
   * @param {Client} client
   * @param {Composer} composer
   */
  constructor(client, composer) {
    this.client = client;
    this.composer = composer;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("more"));
    this.mark = /** @type {HTMLInputElement} */ (byId("more-mark"));
    closeOnOutside(this.dialog);
    byId("more-close").addEventListener("click", () => this.dialog.close());
    byId("more-marks").append(...MARKS.map((mark) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.textContent = mark;
      choice.addEventListener("click", () => this.#react(mark));
      return choice;
    }));
    byId("more-marks").addEventListener("keydown", (event) => this.#walk(event));
    byId("more-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const mark = this.mark.value.trim();
      if (mark) this.#react(mark);
    });
    byId("more-reply").addEventListener("click", () => this.#do((line) => composer.reply(line)));
    byId("more-edit").addEventListener("click", () => this.#do((line) => composer.edit(line)));
    byId("more-copy").addEventListener("click", () => this.#do((line) => {
      const link = new URL(linkTo(client.store.current, line.seq), location.href);
      void navigator.clipboard?.writeText(link.href);
      client.store.said.emit("The link is copied.");
    }));
    byId("more-redact").addEventListener("click", () => {
      byId("more-redacting").hidden = false;
      byId("redact-really").focus();
    });
    byId("redact-really").addEventListener("click", () => this.#do((line) => client.redact(line)));
  }

  /** @param {Line} line @param {Element} [_at] */
  open(line, _at) {
    this.#line = line;
    const { store } = this.client;
    const own = line.source === store.me;
    const rules = own || (store.session !== undefined && mayRule(store, store.session));
    byId("more-edit").hidden = !own;
    byId("more-redact").hidden = !rules;
    byId("more-redacting").hidden = true;
    this.mark.value = "";
    this.dialog.showModal();
    /** @type {HTMLElement} */ (byId("more-marks").firstElementChild).focus();
  }

  /** Go from one mark to the next by the arrow keys. @param {KeyboardEvent} event */
  #walk(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const step = event.key in steps ? steps[/** @type {keyof typeof steps} */ (event.key)] : 0;
    const marks = /** @type {HTMLElement[]} */ ([...byId("more-marks").children]);
    const at = marks.indexOf(/** @type {HTMLElement} */ (event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    marks[(at + step + marks.length) % marks.length]?.focus();
  }

  /** @param {string} mark */
  #react(mark) {
    this.#do((line) => this.client.react(line, mark));
  }

  /** @param {(line: Line) => void} what */
  #do(what) {
    const line = this.#line;
    this.dialog.close();
    if (line) what(line);
  }
}
