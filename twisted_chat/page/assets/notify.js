/** Calling somebody who looks elsewhere: the title, desktop notifications, a screen reader. */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Text } from "./wire.js" */

import { attentive } from "./attention.js";
import { byId, el } from "./dom.js";
import { isQuiet, saidNo, sayNo } from "./memory.js";
import { eachFrame } from "./signal.js";
import { chime } from "./sound.js";

/** Characters of a text in a notification, at most. */
const GLIMPSE = 160;

/** Texts that a screen reader is given at once, at most: more can not be listened to. */
const READ = 5;

/** Milliseconds in which texts are gathered for a screen reader. */
const BREATH = 400;

export class Notifier {
  /** @type {Text[]} */
  #toRead = [];
  #breath = 0;
  #late = 0;

  /**
   * @param {Client} client
   * @param {Rooms} rooms
   */
  constructor(client, rooms) {
    this.store = client.store;
    this.rooms = rooms;
    this.ask = byId("ask");
    this.log = byId("announcer");
    client.inbox.heard.on(({ text, calls }) => {
      if (calls) this.#call(text);
      if (text.session === this.store.current && text.source !== this.store.me) this.#read(text);
    });
    const title = eachFrame(() => this.#title());
    document.addEventListener("visibilitychange", () => this.#title()); // no frames while hidden
    this.store.changed.on((what) => {
      if (what === "sessions" || what === "login" || what === "current") {
        if (document.visibilityState === "visible") title();
        else this.#late ||= setTimeout(() => this.#title(), BREATH);
      }
      if (what === "current") this.log.replaceChildren();
    });
    byId("ask-yes").addEventListener("click", () => {
      this.ask.hidden = true;
      void Notification.requestPermission();
    });
    byId("ask-no").addEventListener("click", () => {
      this.ask.hidden = true;
      sayNo();
    });
  }

  #title() {
    const { store } = this;
    clearTimeout(this.#late);
    this.#late = 0;
    const count = store.calls || store.unread;
    const where = store.session?.title ?? "";
    const name = [where, store.server || "twisted-chat"].filter(Boolean).join(" · ");
    const title = count ? `(${count}) ${name}` : name;
    if (document.title !== title) document.title = title;
  }

  /** Somebody means the person. @param {Text} text */
  #call(text) {
    if (attentive() && text.session === this.store.current) return;
    if (!isQuiet()) chime();
    if (!("Notification" in window) || !window.isSecureContext) return;
    if (Notification.permission === "default") {
      this.ask.hidden = saidNo(); // the first need
    } else if (Notification.permission === "granted") {
      this.#show(text);
    }
  }

  /** @param {Text} text */
  #show({ session, source, data }) {
    const title = session.startsWith("@") ? source : `${source} in ${session}`;
    try {
      const note = new Notification(title, { body: data.slice(0, GLIMPSE), tag: session });
      note.onclick = () => {
        window.focus();
        this.rooms.open(session);
        note.close();
      };
    } catch {
      // Some browsers of phones have notifications for service workers alone.
    }
  }

  /** @param {Text} text */
  #read(text) {
    this.#toRead.push(text);
    this.#breath ||= setTimeout(() => {
      this.#breath = 0;
      const texts = this.#toRead.splice(0);
      const lines = texts.slice(-READ).map(({ source, data }) => el("p", "", `${source}: ${data}`));
      if (texts.length > READ) lines.unshift(el("p", "", `${texts.length - READ} other new texts`));
      this.log.append(...lines);
      while (this.log.childElementCount > 2 * READ) this.log.firstElementChild?.remove();
    }, BREATH);
  }
}
