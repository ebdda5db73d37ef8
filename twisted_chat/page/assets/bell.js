/**
 * Of what one wants to be told, in each session: every text, those that name one, or nothing; and
 * whether with a sound, which is the browser's to know.
 */

/** @import { Client } from "./client.js" */
/** @import { Level } from "./session.js" */

import { byId, closeOnOutside } from "./dom.js";
import { isQuiet, saveQuiet } from "./memory.js";
import { chime } from "./sound.js";

/** @type {Level[]} */
const LEVELS = ["all", "mentions", "none"];

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => byId(id);

export class Bell {
  /** @param {Client} client */
  constructor(client) {
    this.store = client.store;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("bell"));
    this.button = byId("bell-open");
    closeOnOutside(this.dialog);
    this.button.addEventListener("click", () => this.open());
    byId("bell-close").addEventListener("click", () => this.dialog.close());
    for (const level of LEVELS) {
      input(`bell-${level}`).addEventListener("change", () => {
        const { session } = this.store;
        if (session) this.store.tell(session, level);
      });
    }
    input("bell-sound").addEventListener("change", () => {
      saveQuiet(!input("bell-sound").checked);
      if (input("bell-sound").checked) chime();
    });
    byId("bell-allow").addEventListener("click", async () => {
      await Notification.requestPermission();
      this.#desktop();
    });
    this.store.changed.on((what) => {
      if (what === "current" || what === "sessions" || what === "login") this.#show();
    });
  }

  open() {
    const { session } = this.store;
    if (!session) return;
    byId("bell-title").textContent = session.title;
    input(`bell-${session.level}`).checked = true;
    input("bell-sound").checked = !isQuiet();
    this.#desktop();
    this.dialog.showModal();
  }

  #show() {
    const { session } = this.store;
    this.button.hidden = !session || session.over !== "";
    const silent = session?.level === "none";
    this.button.querySelector("use")?.setAttribute("href", silent ? "#i-silent" : "#i-bell");
    const words = silent ? "Notifications: none" : session?.level === "all"
      ? "Notifications: every text" : "Notifications: mentions";
    this.button.setAttribute("aria-label", words);
    this.button.title = words;
  }

  /** Say whether the desktop's notifications can be had, and how. */
  #desktop() {
    const can = "Notification" in window && window.isSecureContext;
    const asks = can && Notification.permission === "default";
    byId("bell-allow").hidden = !asks;
    byId("bell-desktop").textContent = !can ? "Notifications on the desktop need HTTPS."
      : Notification.permission === "denied" ? "This browser was told to show no notifications of this page."
        : asks ? "" : "They are shown on the desktop while you look elsewhere.";
  }
}
