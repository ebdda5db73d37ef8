/** The first thing that one sees: who are you? */

/** @import { Client } from "./client.js" */

import { byId } from "./dom.js";
import { MAX_USER, tooLong } from "./wire.js";

export class LoginView {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.form = /** @type {HTMLFormElement} */ (byId("login"));
    this.user = /** @type {HTMLInputElement} */ (byId("login-user"));
    this.password = /** @type {HTMLInputElement} */ (byId("login-password"));
    this.problem = byId("login-problem");
    this.enter = /** @type {HTMLButtonElement} */ (byId("login-enter"));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    client.refused.on((sentence) => this.#refused(sentence));
    client.store.changed.on((what) => {
      if (what === "login") this.#update();
      if (what === "link") this.#linked();
    });
  }

  #submit() {
    const user = this.user.value.trim();
    if (!user) return this.#show("Please say who you are.", this.user);
    const long = tooLong(user, MAX_USER);
    if (long) return this.#show(`A name ${long}`, this.user);
    const password = this.password.value;
    this.#show("");
    this.enter.disabled = true;
    this.enter.textContent = "Entering …";
    return this.client.login({ user, ...(password && { password }) });
  }

  /** Nobody is let in, or not any more: what is here stays, for who comes in again. @param {string} sentence */
  #refused(sentence) {
    document.body.dataset["view"] = "login";
    this.user.value ||= this.client.store.me;
    this.#show(sentence);
  }

  /** Somebody is here now, or nobody any more. */
  #update() {
    const here = this.client.store.me !== "";
    document.body.dataset["view"] = here ? "chat" : "login";
    this.#idle();
    if (here) {
      this.password.value = "";
      this.#show("");
    } else {
      this.user.focus();
    }
  }

  #linked() {
    if (this.client.store.me) return;
    const { link, failures } = this.client.connection;
    if (link === "waiting" && failures > 1) this.#show("The server does not answer. Trying again …");
    if (link === "off") this.#idle();
  }

  #idle() {
    this.enter.disabled = false;
    this.enter.textContent = "Enter";
  }

  /**
   * @param {string} sentence
   * @param {HTMLInputElement} [field] that it is about
   */
  #show(sentence, field) {
    if (sentence && !this.client.store.me) document.body.dataset["view"] = "login";
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
    field?.focus();
  }
}
