/** Finding texts in the session that is shown, and going to where they were said. */

/** @import { Client } from "./client.js" */
/** @import { TextsView } from "./texts.js" */
/** @import { Text } from "./wire.js" */

import { inShort } from "./clock.js";
import { button, byId, el, nameOf } from "./dom.js";
import { harmless } from "./format.js";
import { glimpse } from "./marks.js";
import { MAX_QUERY, tooLong } from "./wire.js";

/** Characters of a text that a result shows, at most. */
const GLIMPSE = 300;

export class Search {
  /** Counts searches, so that a late answer to an earlier one is not shown. */
  #search = 0;

  /**
   * @param {Client} client
   * @param {TextsView} texts
   */
  constructor(client, texts) {
    this.client = client;
    this.texts = texts;
    this.panel = byId("search");
    this.field = /** @type {HTMLInputElement} */ (byId("search-field"));
    this.words = byId("search-words");
    this.list = byId("search-list");
    byId("search-open").addEventListener("click", () => this.toggle());
    byId("search-close").addEventListener("click", () => this.toggle(false));
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#find();
    });
    client.store.changed.on((what) => {
      if (what === "current") this.toggle(false);
    });
  }

  /** @param {boolean} [open] */
  toggle(open = this.panel.hidden === true) {
    if (this.panel.hidden === !open) return;
    this.panel.hidden = !open;
    byId("search-open").setAttribute("aria-expanded", String(open));
    this.#search += 1;
    this.list.replaceChildren();
    this.words.textContent = "";
    this.field.value = "";
    (open ? this.field : byId("write")).focus();
  }

  /** Look for words. @param {string} words */
  look(words) {
    this.toggle(true);
    this.field.value = words;
    void this.#find();
  }

  async #find() {
    const query = this.field.value.trim();
    this.list.replaceChildren();
    const long = tooLong(query, MAX_QUERY);
    this.words.textContent = long ? `A search ${long}` : query ? "Searching …" : "";
    if (query && !long) await this.#more(query, undefined);
  }

  /**
   * @param {string} query
   * @param {number | undefined} before a seq
   */
  async #more(query, before) {
    const session = this.client.store.session;
    if (!session) return;
    const search = ++this.#search;
    try {
      const { texts, more } = await this.client.past.search(session, query, before);
      if (search !== this.#search) return;
      this.list.append(...texts.reverse().map((text) => this.#result(text, query)));
      const count = this.list.childElementCount;
      const found = count === 1 ? "One text found." : `${count} texts found, the newest first.`;
      this.words.textContent = count ? found : "Nothing found.";
      const oldest = texts.at(-1)?.seq;
      if (more && oldest) {
        this.words.append(" ", button("link", "Search further back", () => {
          void this.#more(query, oldest);
        }));
      }
    } catch (error) {
      if (search === this.#search && error instanceof Error) this.words.textContent = error.message;
    }
  }

  /**
   * @param {Text} text
   * @param {string} query
   */
  #result(text, query) {
    const body = el("span", "body", ...glimpse(harmless(text.data), query, GLIMPSE));
    body.dir = "auto";
    const by = el("span", "by", nameOf(text.source), " ", el("time", "", inShort(text.time)));
    const result = button("result", by, () => void this.#go(text.seq));
    result.append(body);
    return el("li", "", result);
  }

  /** @param {number} seq */
  async #go(seq) {
    if (matchMedia("(max-width: 48rem)").matches) this.panel.hidden = true;
    if (await this.texts.toText(seq)) return;
    this.client.store.said.emit("That text is not there any more.");
  }
}
