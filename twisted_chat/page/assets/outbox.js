/**
 * What was typed here and has not come back yet.
 *
 * A text leaves the outbox when its echo arrives: then it is stored. Until then it is *waiting*
 * (never sent), *sent* (it may or may not be stored: it is sent again, under the same id, which the
 * server stores once), or *failed* (it is not stored, and the person decides).
 */

import { saveOutbox, savedOutbox } from "./memory.js";

/**
 * @typedef {object} Waiting
 * @property {string} id
 * @property {string} session
 * @property {string} to  the other user of a direct session, or ""
 * @property {string} epoch  the life of the session in which it was sent first, or ""
 * @property {string} data
 * @property {number} [reply]  the seq of the text that it answers
 * @property {number} time
 * @property {"waiting" | "sent" | "failed"} state
 * @property {string} reason  why it failed
 */

/**
 * A mark that nobody else uses; works without a secure context, where randomUUID does not.
 * It begins with the time, so that new ones lie together in the log's index of ids.
 */
function newId() {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return [Date.now(), ...random].map((part) => part.toString(16).padStart(8, "0")).join("");
}

export class Outbox {
  /** @type {Map<string, Waiting>} */
  #texts = new Map(savedOutbox().map((text) => [text.id, text]));

  /**
   * @param {string} session
   * @param {string} to
   * @param {string} data
   * @param {number} [reply]
   * @returns {Waiting}
   */
  add(session, to, data, reply) {
    /** @type {Waiting} */
    const text = {
      id: newId(), session, to, epoch: "", data, time: Date.now(), state: "waiting", reason: "",
      ...(reply && { reply }),
    };
    this.#texts.set(text.id, text);
    this.save();
    return text;
  }

  /** @param {string | undefined} id */
  get(id) {
    return id === undefined ? undefined : this.#texts.get(id);
  }

  /** @param {string} id */
  remove(id) {
    if (this.#texts.delete(id)) this.save();
  }

  /**
   * In the order in which they were typed.
   * @param {string} session
   */
  of(session) {
    return [...this.#texts.values()].filter((text) => text.session === session);
  }

  /** The sessions that something waits for. */
  sessions() {
    return new Set([...this.#texts.values()].map((text) => text.session));
  }

  /**
   * The last text of a session that the server can not have: it can still be changed.
   * @param {string} session
   */
  editable(session) {
    return this.of(session).findLast((text) => text.state !== "sent");
  }

  /**
   * @param {Waiting} text
   * @param {string} reason
   */
  fail(text, reason) {
    text.state = "failed";
    text.reason = reason;
    this.save();
  }

  /** Give a failed text another try, as a new one: the server said no to the old. @param {Waiting} text */
  again(text) {
    this.#texts.delete(text.id);
    return this.add(text.session, text.to, text.data, text.reply);
  }

  clear() {
    this.#texts.clear();
    this.save();
  }

  save() {
    saveOutbox([...this.#texts.values()]);
  }
}
