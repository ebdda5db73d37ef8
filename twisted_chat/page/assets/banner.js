/** A quiet line while the connection is gone, and sentences that are seen for a while. */

/** @import { Client } from "./client.js" */
/** @import { Offer } from "./store.js" */

import { button, byId, el, icon } from "./dom.js";

/** Milliseconds that a short break may last before it is mentioned. */
const BRIEF = 700;

/** Milliseconds that a sentence stays. */
const STAY = 8_000;

/** The same for one with something to do. */
const STAY_LONG = 60_000;

/** Sentences at once, at most. */
const MOST = 3;

export class Banner {
  #soon = 0;
  #count = 0;

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.banner = byId("banner");
    this.words = byId("banner-words");
    this.said = byId("said");
    byId("banner-retry").addEventListener("click", () => client.connection.hurry());
    client.store.changed.on((what) => {
      if (what === "link" || what === "login") this.#linked();
    });
    client.store.said.on((sentence) => this.#say(sentence));
    for (const event of ["online", "focus", "pageshow"]) {
      window.addEventListener(event, () => client.connection.hurry());
    }
    window.addEventListener("offline", () => client.connection.renew());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") client.connection.hurry();
    });
  }

  #linked() {
    const { link } = this.client.connection;
    if (link === "ready" || link === "off" || !this.client.store.me) {
      clearTimeout(this.#soon);
      clearInterval(this.#count);
      this.#soon = 0;
      this.banner.hidden = true;
    } else if (!this.#soon) {
      this.#soon = setTimeout(() => {
        this.banner.hidden = false;
        this.#write();
        this.#count = setInterval(() => this.#write(), 1000);
      }, BRIEF);
    } else if (!this.banner.hidden) {
      this.#write();
    }
  }

  #write() {
    const { link, due } = this.client.connection;
    const left = Math.ceil((due - Date.now()) / 1000);
    const when = link === "waiting" && left > 2 ? `Trying again in ${left} s.` : "Connecting …";
    this.words.textContent = `Not connected. What you write is kept. ${when}`;
  }

  /** @param {string | Offer} said */
  #say(said) {
    const offer = typeof said === "string" ? null : said;
    const words = el("div", "sentence", el("span", "", offer?.words ?? String(said)));
    if (offer) {
      words.append(button("link", offer.label, () => {
        words.remove();
        offer.act();
      }));
    }
    const close = button("plain", icon("i-close"), () => words.remove());
    close.setAttribute("aria-label", "Close");
    words.append(close);
    this.said.append(words);
    while (this.said.childElementCount > MOST) this.said.firstElementChild?.remove();
    setTimeout(() => words.remove(), offer ? STAY_LONG : STAY);
  }
}
