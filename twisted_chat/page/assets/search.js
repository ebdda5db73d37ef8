/** Finding texts, in the session that is shown or in all, and going to where they were said. */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */
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
   * @param {Rooms} rooms
   * @param {TextsView} texts
   */
  constructor(client, rooms, texts) {
    this.client = client;
    this.rooms = rooms;
    this.texts = texts;
    this.everywhere = /** @type {HTMLInputElement} */ (byId("search-all"));
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
      // What was found everywhere stays: one goes from one to the next.
      if (what === "current" && !(this.everywhere.checked && client.store.session)) this.toggle(false);
    });
    this.everywhere.addEventListener("change", () => void this.#find());
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
    this.everywhere.checked = false;
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
    const session = this.everywhere.checked ? undefined : this.client.store.session;
    if (!session && !this.everywhere.checked) return;
    const search = ++this.#search;
    try {
      const { texts, more } = await this.client.past.search(session, query, before);
      if (search !== this.#search) return;
      this.list.append(...texts.reverse().map((text) => this.#result(text, query)));
      const count = this.list.childElementCount;
      const found = count === 1 ? "One text found." : `${count} texts found, the newest first.`;
      this.words.textContent = count ? found : "Nothing found.";
      const oldest = texts.at(-1)?.seq;
      if (more && !session) this.words.append(" There are more: name more words.");
      else if (more && oldest) {
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
    const result = button("result", by, () => void this.#go(text));
    if (this.everywhere.checked) {
      const { title, other } = this.client.store.need(text.session);
      by.append(el("span", "note", ` ${other ? "with" : "in"} ${title}`));
    }
    result.append(body);
    return el("li", "", result);
  }

  /** @param {Text} text */
  async #go({ session, seq }) {
    if (matchMedia("(max-width: 48rem)").matches) this.toggle(false);
    if (session !== this.client.store.current) this.rooms.open(session);
    if (await this.texts.toText(seq)) return;
    this.client.store.said.emit("That text is not there any more.");
  }
}
