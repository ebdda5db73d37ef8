/** A session as this page sees it: who is in it, what is said in it, how far it has been read. */

/** @import { Marks } from "./memory.js" */
/** @import { Entry, Settings, Snapshot } from "./wire.js" */

import { Timeline } from "./timeline.js";

/** How names are put in order, and which of them are the same to a person who looks for one. */
export const names = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/**
 * The other user of a direct session, or "" where the session is not direct.
 * @param {string} session  `@alice,bob`
 * @param {string} me
 */
export function otherOf(session, me) {
  if (!session.startsWith("@")) return "";
  const both = session.slice(1).split(",");
  return both.find((name) => name.toLowerCase() !== me.toLowerCase()) ?? me;
}

/** Of what one wants to be told. @typedef {"all" | "mentions" | "none"} Level */

export class Session {
  epoch = "";
  /** The last seq that this page was told of: it comes back to here. */
  head = 0;
  topic = "";
  /** @type {string | null} */
  owner = null;
  count = 0;
  locked = false;
  keep = false;
  /** Its other settings: see docs/protocol.md. */
  invite = false;
  moderated = false;
  hidden = false;
  openTopic = false;
  limit = 0;
  /** One's own role in it. */
  role = "none";
  /** Who has which, where that was asked for. @type {Map<string, string> | null} */
  roles = null;
  /** What it was joined with; it is needed to come back. */
  password = "";
  /** @type {Set<string>} the names that are known; all of them where it has `count` */
  users = new Set();
  timeline = new Timeline();
  /** The last seq that the person has seen. */
  read = 0;
  /** The first text that was new when the person came back, or 0. */
  newFrom = 0;
  mentions = 0;
  /** Of what the person wants to be told. @type {Level} */
  level = "mentions";
  /** How far an account has read, as the server knows it, and in which life of the session. */
  #kept = { epoch: "", read: -1, mentions: 0 };
  /** The timer after which the server is told how far the person has read; 0 for none. */
  telling = 0;
  /** Who writes something just now, and until when that is believed. @type {Map<string, number>} */
  typing = new Map();
  draft = "";
  /** Whether the server has told this page about it since the connection began. */
  here = false;
  /** Why it is over for this page, or "": then it can be read, but nothing be said in it. */
  over = "";
  /** Which way texts are being asked for. @type {"" | "older" | "newer" | "around"} */
  loading = "";
  /** Settled when what is being asked for has come. @type {Promise<void>} */
  reading = Promise.resolve();
  /** Whether the server would not tell more: it is not asked again before it says more itself. */
  stuck = false;

  /**
   * @param {string} name
   * @param {string} me
   */
  constructor(name, me) {
    this.name = name;
    this.other = otherOf(name, me);
    this.level = this.usual;
  }

  /** Of what one is told who has not chosen. @returns {Level} */
  get usual() {
    return this.other ? "all" : "mentions";
  }

  /** What people call it. */
  get title() {
    return this.other || this.name;
  }

  get unread() {
    return Math.max(0, this.head - this.read);
  }

  /** Unread texts that call the person: of a talk of two all, unless they want it otherwise. */
  get calls() {
    if (this.level === "none") return 0;
    return this.other && this.level === "all" ? this.unread : this.mentions;
  }

  /** Whether the newest text is among those at hand. */
  get atHead() {
    return this.timeline.last >= this.head;
  }

  /**
   * Know how far the account has read, on whichever device.
   * @param {string} epoch
   * @param {number} read
   * @param {number} [mentions]  of it that are not read, where that is told
   */
  known(epoch, read, mentions = this.#kept.epoch === epoch ? this.#kept.mentions : 0) {
    this.#kept = { epoch, read, mentions };
    if (this.epoch !== epoch) return;
    this.readTo(Math.min(read, this.head));
    if (this.unread) this.mentions = Math.max(this.mentions, mentions);
  }

  /**
   * Take in what the server says it is.
   * @param {Snapshot} snapshot
   * @param {Marks} marks how far the person has read
   * @returns {boolean} whether it goes on from where this page was
   */
  snapshot(snapshot, marks) {
    const goesOn = snapshot.epoch === this.epoch && !snapshot.reset;
    if (snapshot.read !== undefined) this.known(snapshot.epoch, snapshot.read);
    if (!goesOn) {
      const known = this.epoch !== "";
      const sameLife = snapshot.epoch === this.epoch;
      this.epoch = snapshot.epoch;
      this.head = snapshot.head;
      this.timeline.clear();
      this.newFrom = 0;
      if (!sameLife) {
        const kept = this.#kept.epoch === this.epoch ? this.#kept : { read: -1, mentions: 0 };
        const read = Math.max(marks.get(this.name, this.epoch), kept.read);
        this.read = read >= 0 ? Math.min(read, this.head) : known ? 0 : this.head;
        this.mentions = this.unread ? kept.mentions : 0;
        marks.set(this.name, this.epoch, this.read);
      }
    }
    this.topic = snapshot.topic;
    this.owner = snapshot.owner;
    this.count = snapshot.count;
    this.roles = null;
    this.role = snapshot.role ?? "none";
    const { locked = false, invite = false, moderated = false, hidden = false } = snapshot;
    const { open_topic = false, limit = 0, keep = false } = snapshot;
    this.set({ locked, invite, moderated, hidden, open_topic, limit, keep });
    this.users = new Set(snapshot.users);
    this.here = true;
    this.over = "";
    this.stuck = false;
    return goesOn;
  }

  /** Take in settings; what is left out is as it was. @param {Settings} settings */
  set({ locked, invite, moderated, hidden, open_topic: openTopic, limit, keep }) {
    this.locked = locked ?? this.locked;
    this.invite = invite ?? this.invite;
    this.moderated = moderated ?? this.moderated;
    this.hidden = hidden ?? this.hidden;
    this.openTopic = openTopic ?? this.openTopic;
    this.limit = limit ?? this.limit;
    this.keep = keep ?? this.keep;
  }

  /** The role of somebody, as far as it is known. @param {string} name */
  roleOf(name) {
    return name === this.owner ? "owner" : this.roles?.get(name) ?? "none";
  }

  /**
   * Somebody has another role.
   * @param {string} user
   * @param {string} role
   * @param {string} me
   */
  given(user, role, me) {
    const was = this.owner;
    if (role === "owner") {
      this.owner = user;
      if (was) this.roles?.delete(was);
      if (was === me) this.role = "none";
    } else if (was === user) {
      this.owner = null;
    }
    this.roles?.delete(user);
    if (role !== "none") this.roles?.set(user, role);
    if (user === me) this.role = role;
  }

  /**
   * Take in a text, or what changes one, that the server sends.
   * @param {Entry} text
   * @returns {boolean} whether it is a new one
   */
  receive(text) {
    if (text.seq <= this.head) return false;
    this.head = text.seq;
    this.timeline.append(text);
    return true;
  }

  /**
   * Note how far the person has read.
   * @param {number} seq
   * @returns {boolean} whether that is farther than before
   */
  readTo(seq) {
    if (seq <= this.read) return false;
    this.read = seq;
    if (this.unread === 0) this.mentions = 0;
    return true;
  }

  /** Know that it was deleted, or can not be come back to. @param {string} reason */
  end(reason) {
    this.over = reason;
    this.here = false;
    this.stuck = true;
  }

  /** Know that a text is new, which nobody looked at when it came. @param {number} seq */
  note(seq) {
    if (this.newFrom <= this.read) this.newFrom = seq;
  }

  /** Know where the new texts begin, when the person looks at it again. */
  visit() {
    this.newFrom = this.unread > 0 ? this.read + 1 : 0;
  }

  /**
   * @param {string[]} joined
   * @param {string[]} left
   * @param {number} count
   */
  moved(joined, left, count) {
    for (const user of joined) this.users.add(user);
    for (const user of left) this.users.delete(user);
    this.count = count;
  }
}
