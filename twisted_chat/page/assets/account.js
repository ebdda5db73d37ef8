/**
 * The dialog of whoever is here: away or not; of an account its devices and its password; and of an
 * operator who is kept out of the server, or silent on it.
 */

/** @import { Client } from "./client.js" */
/** @import { Device, DeviceList } from "./wire.js" */

import { inShort } from "./clock.js";
import { button, byId, closeOnOutside, el } from "./dom.js";
import { MeasuresPart } from "./measures.js";
import { names } from "./session.js";

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => byId(id);

export class AccountDialog {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.store = client.store;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("account"));
    closeOnOutside(this.dialog);
    this.bans = /** @type {HTMLDetailsElement} */ (byId("server-bans"));
    this.measures = new MeasuresPart(
      client.connection, this.bans, "server-", "Nobody is banned or muted on this server.",
    );
    byId("account-open").addEventListener("click", () => this.open());
    byId("account-close").addEventListener("click", () => this.dialog.close());
    this.#onSubmit("away-form", () => this.#away());
    this.#onSubmit("passwd-form", () => this.#changePassword());
    this.store.changed.on((what) => {
      if (what === "login" && !this.store.me) this.dialog.close();
    });
  }

  /** @param {string} [part]  what is opened at once: `bans` */
  open(part) {
    const { store } = this;
    const away = store.away.get(store.me);
    byId("account-title").textContent = store.me;
    byId("account-kind").textContent = store.guest
      ? "You are a guest: the name is yours while you are here."
      : store.operator ? "You are an operator of this server." : "You have an account here.";
    byId("account-own").hidden = store.guest;
    input("away-why").value = away ?? "";
    byId("away-set").textContent = away === undefined ? "I am away" : "I am back";
    input("passwd-user").value = store.me;
    input("passwd-old").value = input("passwd-new").value = "";
    for (const part of byId("account-own").querySelectorAll("details")) part.open = false;
    this.#problem("");
    if (!this.dialog.open) this.dialog.showModal();
    this.measures.show(store.operator ? { server: true } : null, part === "bans");
    if (part === "bans") this.bans.querySelector("summary")?.focus();
    if (!store.guest) this.#tell(() => this.#devices());
    byId("ignored").toggleAttribute("open", false);
    this.#ignored();
  }

  /** Say whom the person ignores. */
  #ignored() {
    const { store } = this;
    const known = [...store.ignored.values()].sort(names.compare);
    byId("ignored").hidden = !known.length;
    byId("ignored-list").replaceChildren(...known.map((name) => {
      const stop = button("", "Ignore no more", () => {
        store.ignore(name);
        this.#ignored();
        byId("account-close").focus();
      });
      stop.setAttribute("aria-label", `Ignore no more: ${name}`);
      return el("li", "line", el("bdi", "grow", name), stop);
    }));
  }

  async #away() {
    const { store } = this;
    const isBack = store.away.has(store.me);
    const data = isBack ? "" : input("away-why").value.trim() || "away";
    await this.client.connection.ask({ type: "away", ...(data && { data }) });
    store.said.emit(isBack ? "You are back." : `You are away: ${data}`);
    this.dialog.close();
  }

  async #devices() {
    /** @type {DeviceList} */
    const { devices } = await this.client.connection.ask({ type: "devices" });
    byId("devices-list").replaceChildren(...devices.reverse().map((one) => this.#device(one)));
  }

  /** @param {Device} device */
  #device({ device, last, door, address }) {
    const isThis = device === this.client.device;
    const words = el(
      "span", "grow", isThis ? "This browser " : `${door}, from ${address} `,
      el("span", "note", `last used ${inShort(last)}`),
    );
    if (isThis) return el("li", "line", words);
    const forget = button("", "Forget", () => this.#tell(async () => {
      await this.client.connection.ask({ type: "forget", device });
      await this.#devices();
      byId("account-close").focus();
    }));
    forget.setAttribute("aria-label", `Forget the device at ${address}, last used ${inShort(last)}`);
    return el("li", "line", words, forget);
  }

  async #changePassword() {
    const fresh = input("passwd-new").value;
    await this.client.connection.ask({ type: "passwd", old: input("passwd-old").value, new: fresh });
    this.dialog.close();
    this.store.said.emit("Your password is changed.");
    // What this browser came in with is forgotten, too: it gets another proof for the new password.
    this.client.login({ user: this.store.me, password: fresh });
  }

  /** @param {string} id @param {() => Promise<unknown>} work */
  #onSubmit(id, work) {
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell(work);
    });
  }

  /** @param {() => Promise<unknown>} work */
  #tell(work) {
    this.#problem("");
    work().catch((error) => this.#problem(error instanceof Error ? error.message : ""));
  }

  /** @param {string} sentence */
  #problem(sentence) {
    byId("account-problem").textContent = sentence;
    byId("account-problem").hidden = !sentence;
  }
}
