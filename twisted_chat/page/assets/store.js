/** Everything that the page knows. Views read it, and are told when it has changed. */

/** @import { Level } from "./session.js" */
/** @import { Choice, Limits, NewChoice } from "./wire.js" */

import { Marks, savedDrafts, saveDrafts, saveSeats } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Session, names } from "./session.js";
import { Signal } from "./signal.js";
import { OUT_OF_SIGHT } from "./timeline.js";

/**
 * What has changed: `login` (who is here), `link` (the connection), `sessions` (which there are,
 * their counts and topics), `current` (which one is shown), `texts` and `members` (of the current
 * one), `typing` (who writes in it).
 * @typedef {"login" | "link" | "sessions" | "current" | "texts" | "members" | "typing"} Change
 */

/** @typedef {{ words: string, label: string, act: () => void }} Offer */

export class Store {
  /** @type {Signal<Change>} */
  changed = new Signal();
  /** A sentence for the person, to be seen for a while; or one with something to do. @type {Signal<string | Offer>} */
  said = new Signal();

  /** Who is logged in here, or "". */
  me = "";
  guest = false;
  operator = false;
  server = "";
  lobby = "";
  /** @type {Limits} */
  limits = { text: 16_384, frame: 65_536, history: 200 };
  /** @type {Map<string, Session>} */
  sessions = new Map();
  /** The session that is shown, or "". */
  current = "";
  outbox = new Outbox();
  marks = new Marks("");
  /** Who is away, and why. @type {Map<string, string>} */
  away = new Map();
  /** Whose texts the person does not want to see: names, by themselves in small letters. @type {Map<string, string>} */
  ignored = new Map();
  /** Of what sessions are to tell the person, where they have chosen. @type {Map<string, Level>} */
  levels = new Map();
  /** Called where the person has chosen anew. @type {(chosen: NewChoice) => void} */
  choose = () => {};
  /** Called where somebody has read farther here. @type {(session: Session) => void} */
  wasRead = () => {};

  get session() {
    return this.sessions.get(this.current);
  }

  /** Rooms first, the lobby before all; then people, each in the order of names. */
  ordered() {
    const rank = (/** @type {Session} */ s) => (s.name === this.lobby ? 0 : s.other ? 2 : 1);
    return [...this.sessions.values()].sort(
      (a, b) => rank(a) - rank(b) || names.compare(a.title, b.title),
    );
  }

  /**
   * Return the session of that name, new where there is none.
   * @param {string} name
   */
  need(name) {
    let session = this.sessions.get(name);
    if (!session) {
      session = new Session(name, this.me);
      session.draft = savedDrafts()[name] ?? "";
      session.level = this.levels.get(name) ?? session.level;
      this.sessions.set(name, session);
      this.changed.emit("sessions");
    }
    return session;
  }

  /** Forget a session, and what waited to be said in it. @param {string} name */
  forget(name) {
    if (!this.sessions.delete(name)) return;
    const waiting = this.outbox.of(name);
    for (const text of waiting) this.outbox.remove(text.id);
    if (waiting.length) this.said.emit(`What was waiting for ${name} was not sent.`);
    this.remember();
    this.changed.emit("sessions");
    if (this.current === name) this.show(this.ordered()[0]?.name ?? "");
  }

  /**
   * A session is over. What the person reads there, or has written there, stays in sight until
   * they go elsewhere; and they are not sent elsewhere while they write.
   * @param {string} name
   * @param {string} reason
   */
  end(name, reason) {
    const session = this.need(name);
    const waiting = this.outbox.of(name);
    if (name !== this.current && !waiting.length && !session.draft) {
      this.forget(name);
      return this.said.emit(`${name}: ${reason}`);
    }
    session.end(reason);
    for (const text of waiting) this.outbox.fail(text, "");
    this.remember();
    this.changed.emit("sessions");
    return this.changed.emit("current");
  }

  /** @param {string} name */
  show(name) {
    const left = this.session;
    if (left?.over && left.name !== name) {
      for (const text of this.outbox.of(left.name)) this.outbox.remove(text.id);
      this.sessions.delete(left.name);
    } else if (left) {
      if (left.atHead) left.timeline.keepNewest(OUT_OF_SIGHT);
      else left.timeline.clear();
      left.newFrom = 0;
    }
    this.current = name;
    this.session?.visit();
    this.remember();
    this.changed.emit("current");
    this.changed.emit("sessions");
  }

  /** Let the tab know where it was, for when it is loaded again. */
  remember() {
    if (!this.me) return;
    const seats = this.ordered()
      .filter(({ epoch, over, name }) => (epoch || over) && name !== this.lobby)
      .map(({ name, epoch, password }) => ({
        session: name, epoch, ...(password && { password }),
      }));
    saveSeats({ seats, current: this.current });
  }

  /** @param {string} draft */
  keepDraft(draft) {
    const session = this.session;
    if (!session || session.draft === draft) return;
    session.draft = draft;
    const drafts = [...this.sessions.values()].filter((each) => each.draft);
    saveDrafts(Object.fromEntries(drafts.map((each) => [each.name, each.draft])));
  }

  /**
   * Note how far the person has read in a session.
   * @param {number} seq
   * @param {Session | undefined} [session] the one that is shown
   * @param {boolean} [told]  whether it is the server that says so
   */
  readTo(seq, session = this.session, told = false) {
    if (!session?.readTo(Math.min(seq, session.head))) return;
    this.marks.set(session.name, session.epoch, session.read);
    if (!told) this.wasRead(session);
    this.changed.emit("sessions");
  }

  /** Whether somebody is known to be here. @param {string} user */
  isHere(user) {
    for (const session of this.sessions.values()) {
      if (!session.other && session.users.has(user)) return true;
    }
    return false;
  }

  /**
   * Know of what the person wants to be told in a session.
   * @param {Session} session
   * @param {Level} level
   */
  tell(session, level) {
    session.level = level;
    this.levels.set(session.name, level);
    this.choose({ levels: [{ session: session.name, level }] });
    this.changed.emit("sessions");
  }

  /** Know all that the person has chosen. @param {Choice} choice */
  chosen({ ignored, levels }) {
    this.ignored = new Map(ignored.map((name) => [name.toLowerCase(), name]));
    this.levels = new Map(levels.map(({ session, level }) => [session, level]));
    for (const session of this.sessions.values()) {
      session.level = this.levels.get(session.name) ?? session.usual;
    }
    this.changed.emit("texts");
    this.changed.emit("members");
    this.changed.emit("sessions");
  }

  /** Whether the person wants to see nothing of somebody. @param {string} user */
  ignores(user) {
    return this.ignored.has(user.toLowerCase());
  }

  /** Ignore somebody, or no more. @param {string} user @returns {boolean} which of the two */
  ignore(user) {
    const key = user.toLowerCase();
    const ignores = !this.ignored.delete(key);
    if (ignores) this.ignored.set(key, user);
    this.choose(ignores ? { ignore: [user] } : { unignore: [user] });
    this.changed.emit("texts");
    this.changed.emit("members");
    return ignores;
  }

  /** Unread texts that are meant for the person: mentions, and all that is direct. */
  get calls() {
    let calls = 0;
    for (const session of this.sessions.values()) {
      calls += session.calls;
    }
    return calls;
  }

  get unread() {
    let unread = 0;
    for (const session of this.sessions.values()) {
      if (session.level !== "none") unread += session.unread;
    }
    return unread;
  }

  /** Nobody is logged in any more. */
  reset() {
    this.marks.save();
    this.me = "";
    this.away.clear();
    this.sessions.clear();
    this.current = "";
    this.outbox.clear();
    saveSeats(null);
    saveDrafts({});
    this.changed.emit("login");
  }
}
