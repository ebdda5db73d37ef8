/** The webhooks of a session: made, listed and revoked by its owner. */

/** @import { Connection } from "./connection.js" */
/** @import { Session } from "./session.js" */
/** @import { WebhookList, WebhookMade } from "./wire.js" */

import { inShort } from "./clock.js";
import { button, byId, el, nameOf } from "./dom.js";

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => byId(id);

export class WebhooksPart {
  /** @type {Session | null} */
  #session = null;

  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.part = /** @type {HTMLDetailsElement} */ (byId("about-webhooks"));
    this.part.addEventListener("toggle", () => void this.#fill());
    byId("webhook-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell(() => this.#make());
    });
    byId("webhook-copy").addEventListener("click", () => {
      input("webhook-link").select();
      void navigator.clipboard?.writeText(input("webhook-link").value);
    });
  }

  /**
   * Be about a session.
   * @param {Session} session
   * @param {boolean} may  whether the person may make some
   * @param {boolean} open
   */
  show(session, may, open) {
    this.#session = session;
    this.part.hidden = !may;
    byId("webhook-made").hidden = true;
    byId("webhook-problem").hidden = true;
    input("webhook-name").value = input("webhook-link").value = "";
    this.part.open = open;
    void this.#fill();
  }

  async #fill() {
    const session = this.#session;
    if (!session || !this.part.open || this.part.hidden) return;
    try {
      /** @type {WebhookList} */
      const { entries } = await this.connection.ask({ type: "webhooks", session: session.name });
      if (session !== this.#session) return;
      byId("webhooks-list").replaceChildren(...entries.map(({ name, by, since }) => {
        const revoke = button("", "Revoke", () => this.#tell(async () => {
          await this.connection.ask({ type: "revoke", session: session.name, name });
          await this.#fill();
          input("webhook-name").focus();
        }));
        revoke.setAttribute("aria-label", `Revoke ${name}`);
        const made = el("span", "note", `made by ${by}, ${inShort(since)}`);
        return el("li", "line", el("span", "grow", nameOf(name), " ", made), revoke);
      }));
      byId("webhooks-words").textContent = entries.length ? ""
        : "No program says anything here. Slack-compatible senders, Grafana, Alertmanager and forges can.";
    } catch (error) {
      byId("webhooks-words").textContent = error instanceof Error ? error.message : "";
    }
  }

  async #make() {
    const session = this.#session;
    const name = input("webhook-name").value.trim();
    if (!session || !name) return;
    /** @type {WebhookMade} */
    const { link } = await this.connection.ask({ type: "webhook", session: session.name, name });
    input("webhook-name").value = "";
    this.made(link);
    await this.#fill();
  }

  /** Show where programs post to. @param {string} link */
  made(link) {
    byId("webhook-made").hidden = false;
    input("webhook-link").value = new URL(link, document.baseURI).href;
    input("webhook-link").select();
  }

  /** @param {() => Promise<unknown>} work */
  #tell(work) {
    byId("webhook-problem").hidden = true;
    work().catch((error) => {
      byId("webhook-problem").textContent = error instanceof Error ? error.message : "";
      byId("webhook-problem").hidden = false;
    });
  }
}
