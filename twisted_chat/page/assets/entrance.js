/** Two questions before one is in: what a new session is to be, and the password of a locked one. */

/** @import { Rooms } from "./rooms.js" */
/** @import { ListedSession } from "./wire.js" */

import { byId, closeOnOutside } from "./dom.js";
import { MAX_SESSION, MAX_TOPIC, tooLong } from "./wire.js";

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => byId(id);

export class Entrance {
  #joining = "";

  /** @param {Rooms} rooms */
  constructor(rooms) {
    this.rooms = rooms;
    this.creator = /** @type {HTMLDialogElement} */ (byId("create"));
    this.key = /** @type {HTMLDialogElement} */ (byId("key"));
    for (const dialog of [this.creator, this.key]) closeOnOutside(dialog);
    for (const id of ["create-open", "nothing-create"]) {
      byId(id).addEventListener("click", () => this.create(""));
    }
    byId("create-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#create();
    });
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#unlock();
    });
    for (const id of ["create-cancel", "key-cancel"]) {
      byId(id).addEventListener("click", (event) => {
        if (event.target instanceof Element) event.target.closest("dialog")?.close();
      });
    }
  }

  /** Ask what the new session is to be. @param {string} name */
  create(name) {
    /** @type {HTMLFormElement} */ (byId("create-form")).reset();
    input("create-name").value = name;
    this.#problem("create", "");
    this.creator.showModal();
    input(name ? "create-topic" : "create-name").focus();
  }

  /** Join a session, after asking for its password where it has one. @param {ListedSession} listed */
  async join({ session, locked }) {
    if (!locked) return this.#enter(session);
    this.#joining = session;
    byId("key-name").textContent = session;
    input("key-password").value = "";
    this.#problem("key", "");
    return this.key.showModal();
  }

  /** Join a session that has no password. @param {string} session */
  async #enter(session) {
    try {
      await this.rooms.join(session);
    } catch (error) {
      this.rooms.store.said.emit(`${session}: ${error instanceof Error ? error.message : ""}`);
    }
  }

  async #unlock() {
    const password = input("key-password");
    this.#problem("key", "");
    try {
      await this.rooms.join(this.#joining, password.value);
      this.key.close();
    } catch (error) {
      this.#problem("key", error instanceof Error ? error.message : "");
      password.select();
    }
  }

  async #create() {
    const password = input("create-password").value;
    const name = tooLong(input("create-name").value.trim(), MAX_SESSION);
    const topic = tooLong(input("create-topic").value.trim(), MAX_TOPIC);
    if (name) return this.#problem("create", `A name ${name}`);
    if (topic) return this.#problem("create", `A topic ${topic}`);
    this.#problem("create", "");
    try {
      await this.rooms.create({
        session: input("create-name").value.trim(),
        topic: input("create-topic").value.trim(),
        keep: input("create-keep").checked,
        ...(password && { password }),
      });
      this.creator.close();
    } catch (error) {
      this.#problem("create", error instanceof Error ? error.message : "");
    }
    return undefined;
  }

  /**
   * @param {"create" | "key"} dialog
   * @param {string} sentence
   */
  #problem(dialog, sentence) {
    const problem = byId(`${dialog}-problem`);
    problem.textContent = sentence;
    problem.hidden = !sentence;
  }
}
