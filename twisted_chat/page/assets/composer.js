/** Where one writes. What is written is kept for each session until it is sent. */

/** @import { Client } from "./client.js" */
/** @import { Commands } from "./commands.js" */
/** @import { Line } from "./timeline.js" */

import { Choices } from "./choices.js";
import { avatar, byId } from "./dom.js";
import { isAction } from "./row.js";
import { names } from "./session.js";
import { eachFrame } from "./signal.js";
import { Typist } from "./typing.js";

/** Characters after which the length is looked at: most texts never come near it. */
const CLOSE_TO_LONG = 4_000;

/** Characters of a name that there is room for. */
const LONG_NAME = 24;

/** Where there is no real keyboard, Enter begins a line, as it does everywhere there. */
const finger = matchMedia("(hover: none) and (pointer: coarse)");

export class Composer {
  #session = "";
  /** The text that is answered or edited. @type {{ reply?: number, edit?: number } | null} */
  #text = null;
  /** What goes with a text. @type {import("./uploads.js").Uploads | null} */
  files = null;

  /**
   * @param {Client} client
   * @param {Commands} commands
   * @param {() => void} said  called after something was said
   */
  constructor(client, commands, said) {
    this.client = client;
    this.store = client.store;
    this.commands = commands;
    this.said = said;
    this.typist = new Typist(client);
    this.form = /** @type {HTMLFormElement} */ (byId("composer"));
    this.field = /** @type {HTMLTextAreaElement} */ (byId("write"));
    this.problem = byId("write-problem");
    this.over = byId("over");
    this.choices = new Choices(this.field, (before) => this.#offer(before), () => this.#changed());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#say();
    });
    this.field.addEventListener("input", () => this.#changed());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    byId("about-text-end").addEventListener("click", () => this.#about(null, ""));
    this.field.enterKeyHint = finger.matches ? "enter" : "send";
    const turn = eachFrame(() => this.#switch());
    this.store.changed.on((what) => {
      if (what === "current" || what === "login") turn();
    });
  }

  /** Write an answer to a text. @param {Line} line */
  reply(line) {
    this.#about({ reply: line.seq }, `An answer to ${line.source}`);
    this.focus();
  }

  /** Write what one's own text is to read. @param {Line} line */
  edit(line) {
    this.#about({ edit: line.seq }, "Your text is to read:");
    this.#set(written(line.data));
    this.focus();
  }

  /** Write somebody's name, where the cursor is. @param {string} name */
  mention(name) {
    const { selectionStart, selectionEnd, value } = this.field;
    const gap = /(^|\s)$/u.test(value.slice(0, selectionStart)) ? "" : " ";
    this.field.setRangeText(`${gap}@${name} `, selectionStart, selectionEnd, "end");
    this.#changed();
    this.field.focus();
  }

  /** What goes with a text, or whether something could be said, has changed. */
  typed() {
    const some = this.field.value !== "" || (this.files?.has(this.#session) ?? false);
    this.form.classList.toggle("empty", !some);
  }

  /**
   * What is written is about a text, or about none.
   * @param {{ reply?: number, edit?: number } | null} what
   * @param {string} words
   */
  #about(what, words) {
    if (this.#text?.edit && !what?.edit) this.#set("");
    this.#text = what;
    byId("about-text-words").textContent = words;
    byId("about-text").hidden = !what;
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
    this.#about(null, "");
    this.field.value = session.draft;
    const { title } = session;
    const name = title.length > LONG_NAME ? `${title.slice(0, LONG_NAME)}…` : title;
    this.field.placeholder = session.other ? `Write to ${name}` : `Say something in ${name}`;
    this.#changed();
    this.choices.close();
    if (!document.querySelector("dialog[open]")) this.focus();
  }

  #changed() {
    const { value } = this.field;
    this.typed();
    if (!CSS.supports("field-sizing", "content")) {
      this.field.rows = Math.min(10, value.split("\n").length);
    }
    this.#show(value.length > CLOSE_TO_LONG ? this.client.tooLong(value) : "");
    this.store.keepDraft(value);
    const writes = value && !value.startsWith("/") && document.activeElement === this.field;
    if (writes) this.typist.typed();
    this.choices.update();
  }

  /** @param {string} problem */
  #show(problem) {
    this.problem.textContent = problem;
    this.problem.hidden = !problem;
  }

  async #say() {
    const session = this.store.session;
    const data = this.field.value.replace(/\s+$/u, "").replace(/^(?:[ \t]*\n)+/u, "");
    if (!session || session.over || this.client.tooLong(data)) return undefined;
    if (!data && !this.files?.has(session.name)) return undefined;
    this.choices.close();
    const about = this.#text;
    if (!data.startsWith("/")) {
      this.#about(null, "");
      this.#set("");
      if (about?.edit) return data ? this.client.edit(about.edit, data) : undefined;
      const links = this.files?.take(session.name).join(" ") ?? "";
      this.client.say(session, [data, links].filter(Boolean).join("\n"), about?.reply);
      return this.said();
    }
    try {
      const command = this.field.value;
      const text = await this.commands.take(data);
      // What was written meanwhile stays.
      if (this.store.session === session) this.#set(this.field.value === command ? "" : this.field.value);
      else session.draft = "";
      if (text === null) return undefined;
      this.#about(null, "");
      if (about?.edit) return this.client.edit(about.edit, text);
      this.client.say(session, text, about?.reply);
      this.said();
      return undefined;
    } catch (error) {
      this.#show(error instanceof Error ? error.message : String(error));
    }
    return undefined;
  }

  /** @param {string} value */
  #set(value) {
    this.field.value = value;
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (key === "Enter" && (ctrlKey || metaKey) && !altKey) {
      event.preventDefault();
      void this.#say();
      return;
    }
    if (key === "Escape" && this.#text && !this.choices.open) {
      event.preventDefault();
      return this.#about(null, "");
    }
    if (altKey || ctrlKey || metaKey || this.choices.pressed(event)) return;
    if (key === "Enter" && !shiftKey && !finger.matches) {
      event.preventDefault();
      void this.#say();
    } else if (key === "ArrowUp" && !this.field.value && !this.field.readOnly) {
      if (this.#editLast()) event.preventDefault();
    }
  }

  /** Edit one's last text: one that the server can not have yet is taken back for it. */
  #editLast() {
    const text = this.store.outbox.editable(this.#session);
    if (!text) {
      const { me, session } = this.store;
      const line = session?.timeline.lines.findLast((each) =>
        each.source === me && each.of === undefined && !each.redacted);
      if (!line) return false;
      this.edit(line);
      return true;
    }
    this.client.drop(text);
    this.#set(written(text.data));
    return true;
  }

  /** What may be chosen for what stands before the cursor. @param {string} before */
  #offer(before) {
    const command = /^\/([a-z]*)$/iu.exec(before);
    if (command) {
      return { from: 0, choices: this.commands.beginning(command[1] ?? "") };
    }
    const called = /(?:^|[\s("'[])@([^\s@]*)$/u.exec(before);
    if (!called) return null;
    const begun = called[1] ?? "";
    const wanted = begun.toLowerCase();
    const { session, me } = this.store;
    const known = new Set([...(session?.users ?? []), ...(session?.other ? [session.other] : [])]);
    known.delete(me);
    const starts = (/** @type {string} */ name) => name.toLowerCase().startsWith(wanted);
    const choices = [...known]
      .filter((name) => name.toLowerCase().includes(wanted))
      .sort((a, b) => +starts(b) - +starts(a) || names.compare(a, b))
      .map((name) => ({ name, picture: avatar(name) }));
    return { from: before.length - begun.length, choices };
  }
}

/** How a text is written that says this. @param {string} data */
export const written = (data) => (data.startsWith("/") && !isAction(data) ? `/${data}` : data);
