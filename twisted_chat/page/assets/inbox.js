/** Taking in what the server says. */

/** @import { Client } from "./client.js" */
/** @import { Session } from "./session.js" */
/** @import { Change, Direct, Failure, Message, RoleGiven, Snapshot, Text } from "./wire.js" */

import { attentive } from "./attention.js";
import { Mention } from "./mention.js";
import { ROLES } from "./rights.js";
import { Signal } from "./signal.js";
import { MOST, OUT_OF_SIGHT } from "./timeline.js";

/** How long it is believed that somebody writes, in milliseconds. */
const TYPING_FOR = 6_000;

export class Inbox {
  /** A new text, and whether it calls the person. @type {Signal<{ text: Text, calls: boolean }>} */
  heard = new Signal();

  /** The person takes an invitation to a session. @type {Signal<string>} */
  invited = new Signal();

  #mention = new Mention("");

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.store = client.store;
  }

  /** @param {Message} message */
  received(message) {
    const { store } = this;
    switch (message.type) {
      case "welcome":
        this.#mention = new Mention(message.user);
        return this.client.welcomed(message);
      case "session":
        return this.#snapshot(message);
      case "text":
        return this.#text(message);
      case "edited":
      case "redacted":
      case "reacted":
        return this.#changed(message);
      case "kicked": {
        const { session, user, by, reason, count } = message;
        const why = reason ? ` (${reason})` : "";
        if (user === store.me) return store.end(session, `${by} has taken you out${why}.`);
        return this.#moved(session, [], [user], count);
      }
      case "invited":
        return message.id ? undefined : store.said.emit({
          words: `${message.by} invites you to ${message.session}.`,
          label: "Go there",
          act: () => this.invited.emit(message.session),
        });
      case "read":
        return message.id ? undefined
          : store.readTo(message.seq, store.sessions.get(message.session), true);
      case "settings":
        return store.chosen(message);
      case "typing":
        return this.#typing(message.session, message.user);
      case "away":
        if (message.data) store.away.set(message.user, message.data);
        else store.away.delete(message.user);
        return store.changed.emit("members");
      case "joined":
        return this.#moved(message.session, [message.user], [], message.count);
      case "left":
        if (message.id) return store.forget(message.session);
        return this.#moved(message.session, [], [message.user], message.count);
      case "presence": {
        const { session, joined = [], left = [], count } = message;
        return this.#moved(session, joined, left, count);
      }
      case "topic": {
        const session = store.sessions.get(message.session);
        if (session) session.topic = message.topic;
        return store.changed.emit("sessions");
      }
      case "deleted":
        if (message.id) return store.forget(message.session);
        return store.end(message.session, `${message.user} has deleted this session.`);
      case "changed":
        store.sessions.get(message.session)?.set(message);
        return store.changed.emit("sessions");
      case "role":
        return this.#given(message);
      case "notice":
        return message.id ? undefined
          : store.said.emit(message.by ? `${message.by}: ${message.data}` : message.data);
      case "bye":
        return message.id ? undefined : this.client.connection.leaving(message.retry ?? 0);
      case "error":
        return this.#error(message);
      default:
        return undefined; // an answer: whoever asked for it takes it
    }
  }

  /**
   * Know of a direct session that began, or went on, while the person was away.
   * @param {Session} session
   * @param {Direct} known
   */
  direct(session, { epoch, head }) {
    session.epoch = epoch;
    session.head = head;
    session.timeline.clear();
    session.read = Math.max(0, this.store.marks.get(session.name, epoch));
    this.store.changed.emit("sessions");
  }

  /** @param {Snapshot} snapshot */
  #snapshot(snapshot) {
    const { client, store } = this;
    const session = store.need(snapshot.session);
    const before = session.epoch;
    const goesOn = session.snapshot(snapshot, store.marks);
    if (before && before !== session.epoch) this.#doubt(session);
    if (!goesOn && session.unread && !session.other && session.name !== store.current) {
      void client.past.countCalls(session, this.#mention);
    }
    if (store.current === "" || (store.current === session.name && !goesOn)) {
      store.show(session.name);
    }
    if (session === store.session) {
      store.changed.emit("members");
      if (!session.timeline.lines.length && !client.reading) void client.past.latest(session);
    }
    store.changed.emit("sessions");
    store.remember();
    client.flush(session);
  }

  /**
   * The session has begun anew: nobody knows whether what was sent in its old life was stored.
   * @param {Session} session
   */
  #doubt(session) {
    const { outbox } = this.store;
    for (const text of outbox.of(session.name)) {
      if (text.state === "sent") outbox.fail(text, "The session has begun anew since.");
    }
  }

  /** @param {Text} text */
  #text(text) {
    const { store } = this;
    const session = store.need(text.session);
    const own = text.source === store.me;
    const waiting = own ? store.outbox.get(text.id) : undefined;
    if (waiting) {
      store.outbox.remove(waiting.id);
      if (waiting.session !== session.name) this.#renamed(waiting.session, session.name);
    }
    if (session.typing.delete(text.source) && session === store.session) {
      store.changed.emit("typing");
    }
    if (session.receive(text)) {
      if (own && (session.other || session.unread === 1)) store.readTo(text.seq, session);
      const ignored = store.ignores(text.source);
      if (ignored && session.unread === 1) store.readTo(text.seq, session);
      const names = !own && !ignored && this.#mention.isIn(text.data);
      if (names) session.mentions += 1;
      const calls = !own && !ignored && (session.level === "all" || (names && session.level !== "none"));
      session.timeline.keepNewest(session === store.session ? MOST : OUT_OF_SIGHT);
      if (session === store.session && !own && !ignored && !attentive()) session.note(text.seq);
      if (!ignored) this.heard.emit({ text, calls });
      store.changed.emit("sessions");
    }
    if (session === store.session) store.changed.emit("texts");
  }

  /** @param {string} name @param {string} user */
  #typing(name, user) {
    const session = this.store.sessions.get(name);
    if (!session || user === this.store.me || this.store.ignores(user)) return;
    for (const [one, until] of session.typing) {
      if (until <= performance.now()) session.typing.delete(one);
    }
    session.typing.set(user, performance.now() + TYPING_FOR);
    if (session === this.store.session) this.store.changed.emit("typing");
  }

  /** Something was done to a text. @param {Change} change */
  #changed(change) {
    const { store } = this;
    const session = store.need(change.session);
    const seen = session.read === change.seq - 1; // it is nothing to read by itself
    if (!session.receive(change)) return;
    session.timeline.apply(change);
    this.client.quotes.forget(session, change.of);
    if (seen) store.readTo(change.seq, session);
    store.changed.emit("sessions");
    if (session === store.session) store.changed.emit("texts");
  }

  /**
   * The server calls a direct session by another name than this page supposed.
   * @param {string} from
   * @param {string} to
   */
  #renamed(from, to) {
    const { store } = this;
    for (const text of store.outbox.of(from)) text.session = to;
    store.outbox.save();
    if (store.current === from) store.show(to);
    store.forget(from);
  }

  /**
   * @param {string} name
   * @param {string[]} joined
   * @param {string[]} left
   * @param {number} count
   */
  #moved(name, joined, left, count) {
    this.store.sessions.get(name)?.moved(joined, left, count);
    for (const user of left) if (!this.store.isHere(user)) this.store.away.delete(user);
    this.store.changed.emit("members");
  }

  /** Somebody has another role. @param {RoleGiven} event */
  #given({ session: name, user, role, by, id }) {
    const { store } = this;
    store.sessions.get(name)?.given(user, role, store.me);
    if (user === store.me && !id) {
      store.said.emit(`${by} has given you another role in ${name}: ${ROLES[role] ?? role}.`);
    }
    store.changed.emit("members");
  }

  /** @param {Failure} failure */
  #error(failure) {
    const { store } = this;
    const waiting = store.outbox.get(failure.id);
    if (waiting) {
      store.outbox.fail(waiting, failure.data);
      if (waiting.session === store.current) store.changed.emit("texts");
    } else if (!failure.id && failure.session) {
      store.end(failure.session, failure.data);
    } else if (!failure.id) {
      store.said.emit(failure.data);
    }
  }
}
