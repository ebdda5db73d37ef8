/** The first thing that one sees: who are you? */

/** @import { Client } from "./client.js" */

import { byId } from "./dom.js";
import { MAX_USER, tooLong } from "./wire.js";

export class LoginView {
  /** Whether an account is to be made. */
  #registers = false;

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.form = /** @type {HTMLFormElement} */ (byId("login"));
    this.user = /** @type {HTMLInputElement} */ (byId("login-user"));
    this.password = /** @type {HTMLInputElement} */ (byId("login-password"));
    this.stay = /** @type {HTMLInputElement} */ (byId("login-stay"));
    this.problem = byId("login-problem");
    this.enter = /** @type {HTMLButtonElement} */ (byId("login-enter"));
    this.again = /** @type {HTMLInputElement} */ (byId("login-again"));
    this.code = /** @type {HTMLInputElement} */ (byId("login-code"));
    byId("login-other").hidden = this.#policy === "closed";
    byId("login-other").addEventListener("click", () => this.#turn(!this.#registers));
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

  /** Who may make an account: as the server has written it into the page. */
  get #policy() {
    return document.body.dataset["registration"] ?? "closed";
  }

  /** Ask for what an account needs, or for what one comes in with. @param {boolean} registers */
  #turn(registers) {
    this.#registers = registers;
    byId("login-title").textContent = registers ? "Make an account" : "Join the chat";
    byId("login-password-note").textContent = registers ? "a long one is a good one" : "if you have an account";
    this.password.autocomplete = registers ? "new-password" : "current-password";
    byId("login-more").hidden = !registers;
    byId("login-invited").hidden = this.#policy !== "invite";
    byId("login-other").textContent = registers ? "Come in without making one" : "Make an account";
    this.#show("", this.user);
    this.#idle();
  }

  #submit() {
    const user = this.user.value.trim();
    if (!user) return this.#show("Please say who you are.", this.user);
    const long = tooLong(user, MAX_USER);
    if (long) return this.#show(`A name ${long}`, this.user);
    const password = this.password.value;
    const code = this.code.value.trim();
    if (this.#registers && !password) return this.#show("An account has a password.", this.password);
    if (this.#registers && password !== this.again.value) {
      return this.#show("The two passwords are not the same.", this.again);
    }
    this.#show("");
    this.client.stays = this.stay.checked;
    this.enter.disabled = true;
    this.enter.textContent = "Entering …";
    return this.client.login({
      user, ...(password && { password }), ...(this.#registers && { wants: code || true }),
    });
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
      this.password.value = this.again.value = this.code.value = "";
      if (this.#registers) this.#turn(false);
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
    this.enter.textContent = this.#registers ? "Make it, and enter" : "Enter";
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
