/**
 * Sending files: chosen, dropped or pasted. Each is sent by itself, with its progress and a way to
 * stop it; then it waits above the field, and goes with the next text that is said in its session.
 */

/** @import { Client } from "./client.js" */
/** @import { Composer } from "./composer.js" */

import { button, byId, el, icon } from "./dom.js";

/** Files that are sent at the same time. */
const AT_ONCE = 2;

/** How a number of bytes is said. @param {number} bytes */
export function inWords(bytes) {
  if (bytes < 1_000) return `${bytes} bytes`;
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

export class Uploads {
  /** What waits to be sent. @type {(() => void)[]} */
  #waiting = [];
  #underWay = 0;
  /** Links of files that are there and not said yet, by what shows them. @type {Map<HTMLElement, string>} */
  #ready = new Map();

  /**
   * @param {Client} client
   * @param {Composer} composer
   */
  constructor(client, composer) {
    this.client = client;
    this.store = client.store;
    this.composer = composer;
    this.list = byId("uploads");
    this.chooser = /** @type {HTMLInputElement} */ (byId("attach-files"));
    byId("attach").addEventListener("click", () => this.chooser.click());
    this.chooser.addEventListener("change", () => {
      this.#take(this.chooser.files);
      this.chooser.value = "";
    });
    byId("write").addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length || !this.#may) return;
      event.preventDefault();
      this.#take(event.clipboardData.files);
    });
    composer.files = this;
    this.#drop(byId("room"));
    this.store.changed.on((what) => {
      if (what === "login" || what === "current") byId("attach").hidden = !this.#may;
      if (what === "current" || what === "login") this.#show();
      if (what === "login" && !this.store.me) this.#forget();
    });
  }

  /** The links of what goes with a text in a session, which has them from now on. @param {string} session */
  take(session) {
    const links = [];
    for (const item of [...this.list.children]) { // as they were chosen, whichever was quicker
      const link = item instanceof HTMLElement ? this.#ready.get(item) : undefined;
      if (!link || !(item instanceof HTMLElement) || item.dataset["session"] !== session) continue;
      links.push(link);
      item.remove();
      this.#ready.delete(item);
    }
    return links;
  }

  /** Whether something goes with the next text in a session. @param {string} session */
  has(session) {
    return [...this.#ready.keys()].some((item) => item.dataset["session"] === session);
  }

  /** Show what belongs to the session that is shown. */
  #show() {
    for (const item of this.list.children) {
      if (item instanceof HTMLElement) item.hidden = item.dataset["session"] !== this.store.current;
    }
  }

  /** Whether the server takes files, and something can be said here. */
  get #may() {
    const { session, limits } = this.store;
    return Boolean(limits.file && session && !session.over);
  }

  /** @param {HTMLElement} room */
  #drop(room) {
    let inside = 0;
    const show = () => document.body.classList.toggle("dropping", inside > 0);
    const has = (/** @type {DragEvent} */ event) =>
      this.#may && event.dataTransfer?.types.includes("Files");
    // A file that misses the place for it would else replace the page.
    for (const type of ["dragover", "drop"]) {
      document.addEventListener(type, (event) => event.preventDefault());
    }
    room.addEventListener("dragenter", (event) => {
      if (has(event)) inside += 1;
      show();
    });
    room.addEventListener("dragleave", (event) => {
      if (has(event)) inside = Math.max(0, inside - 1);
      show();
    });
    room.addEventListener("drop", (event) => {
      inside = 0;
      show();
      if (has(event)) this.#take(event.dataTransfer?.files ?? null);
    });
  }

  /** @param {FileList | null} files */
  #take(files) {
    for (const file of files ?? []) this.#begin(file);
    if (files?.length) this.composer.focus();
  }

  #forget() {
    this.#waiting = [];
    for (const stop of this.list.querySelectorAll("button")) stop.click();
    this.#ready.clear();
  }

  /** @param {File} file */
  #begin(file) {
    const session = this.store.current;
    const most = this.store.limits.file ?? 0;
    const name = el("bdi", "name", file.name);
    const item = el("li", "line", el("span", "grow", name, " ", el("span", "note", inWords(file.size))));
    item.dataset["session"] = session;
    this.list.append(item);
    if (!file.size) return this.#failed(item, "It is empty, or a folder.");
    if (file.size > most) return this.#failed(item, `A file has at most ${inWords(most)}.`);
    const progress = el("progress");
    progress.max = file.size;
    progress.value = 0;
    progress.setAttribute("aria-label", `How much of ${file.name} is sent`);
    const request = new XMLHttpRequest();
    const go = () => {
      if (!item.isConnected) return this.#next();
      this.#underWay += 1;
      return this.#send(request, file, session, item, progress);
    };
    const stop = button("plain", icon("i-close"), () => {
      item.remove();
      request.abort();
      this.composer.focus();
    });
    stop.setAttribute("aria-label", `Stop sending ${file.name}`);
    stop.title = "Stop";
    item.append(progress, stop);
    this.#waiting.push(go);
    if (this.#underWay < AT_ONCE) this.#next();
    return undefined;
  }

  #next() {
    this.#waiting.shift()?.();
  }

  /**
   * @param {XMLHttpRequest} request
   * @param {File} file
   * @param {string} session
   * @param {HTMLElement} item
   * @param {HTMLProgressElement} progress
   */
  #send(request, file, session, item, progress) {
    request.open("POST", `files?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Authorization", this.client.bearer);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => {
      progress.value = Math.min(loaded, file.size);
    });
    request.addEventListener("load", () => {
      const answer = request.response;
      if (request.status === 201 && answer?.link) {
        this.#done(item, file, new URL(answer.link, document.baseURI).href);
        if (session !== this.store.current) this.store.said.emit(`${file.name} is ready in ${session}.`);
      } else {
        this.#failed(item, answer?.data ?? "The server did not take it.");
      }
    });
    request.addEventListener("error", () => this.#failed(item, "The connection was lost."));
    request.addEventListener("loadend", () => {
      this.#underWay -= 1;
      this.#next();
    });
    request.send(file);
  }

  /** @param {HTMLElement} item @param {File} file @param {string} link */
  #done(item, file, link) {
    if (!item.isConnected) return;
    this.#ready.set(item, link);
    item.querySelector("progress")?.replaceWith(el("span", "note", "ready"));
    const away = item.querySelector("button");
    away?.setAttribute("aria-label", `Do not send ${file.name}`);
    away?.setAttribute("title", "Do not send it");
    away?.addEventListener("click", () => this.#ready.delete(item));
    this.composer.typed();
  }

  /** @param {HTMLElement} item @param {string} why */
  #failed(item, why) {
    const close = button("plain", icon("i-close"), () => item.remove());
    close.setAttribute("aria-label", "Close");
    item.querySelector("progress")?.remove();
    item.querySelector("button")?.remove();
    item.append(el("span", "problem", why), close);
  }
}
