/** What a person does with sessions. All of it rejects with Refused or Lost. */

/** @import { Client } from "./client.js" */
/** @import { Session } from "./session.js" */
/** @import { Listing, Members, RoleList, Snapshot } from "./wire.js" */

import { savedBlocked, saveBlocked } from "./memory.js";

/** Names of members that are asked for, at most: nobody reads more in a page. */
const MOST_MEMBERS = 5_000;

export class Rooms {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.store = client.store;
    this.connection = client.connection;
  }

  /** Show a session that one is in. @param {string} name */
  open(name) {
    if (name === this.store.current) return;
    this.store.show(name);
    const session = this.store.session;
    if (session) void this.client.past.latest(session);
  }

  /**
   * @param {string} name
   * @param {string} [password]
   */
  async join(name, password) {
    /** @type {Snapshot} */
    const snapshot = await this.connection.ask({ type: "join", session: name, password });
    this.#entered(snapshot, password);
  }

  /**
   * @param {{ session: string, topic: string, password?: string, keep: boolean }} wish
   */
  async create(wish) {
    /** @type {Snapshot} */
    const snapshot = await this.connection.ask({ type: "create", ...wish });
    this.#entered(snapshot, wish.password);
  }

  /**
   * @param {Snapshot} snapshot
   * @param {string | undefined} password
   */
  #entered(snapshot, password) {
    this.store.need(snapshot.session).password = password ?? "";
    this.open(snapshot.session);
    this.store.remember();
  }

  /** Begin, or go on with, a talk of two. @param {string} user */
  message(user) {
    const known = [...this.store.sessions.values()].find((each) => each.other === user);
    const both = [user, this.store.me].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
    this.open(known?.name ?? this.store.need(`@${both.join(",")}`).name);
  }

  /** @param {Session} session */
  leave(session) {
    return this.connection.ask({ type: "leave", session: session.name });
  }

  /** End a session for everybody. @param {Session} session */
  remove(session) {
    return this.connection.ask({ type: "delete", session: session.name });
  }

  /**
   * @param {Session} session
   * @param {string} topic
   */
  setTopic(session, topic) {
    return this.connection.ask({ type: "topic", session: session.name, topic });
  }

  /** Which sessions there are, and who is here. */
  async list() {
    /** @type {Listing[]} */
    const parts = [];
    parts.push(await this.connection.ask({ type: "list" }, (part) => parts.push(part)));
    return {
      sessions: parts.flatMap((part) => part.sessions),
      users: parts.flatMap((part) => part.users),
    };
  }

  /** Learn the names of those in a session that the snapshot had no room for. @param {Session} session */
  async learnMembers(session) {
    let after;
    while (session.users.size < Math.min(session.count, MOST_MEMBERS)) {
      /** @type {Members} */
      const page = await this.connection.ask({ type: "who", session: session.name, after });
      session.moved(page.users, [], page.count);
      for (const { user, data } of page.away ?? []) this.store.away.set(user, data);
      after = page.users.at(-1);
      if (!page.more) break;
    }
    if (session === this.store.session) this.store.changed.emit("members");
  }

  /** Learn who has a role in a session, where it is not known. @param {Session} session */
  async learnRoles(session) {
    if (session.roles || session.other) return;
    const roles = new Map();
    for (let more = true; more;) {
      /** @type {RoleList} */
      const page = await this.connection.ask({
        type: "roles", session: session.name, after: roles.size,
      });
      for (const { user, role } of page.entries) roles.set(user, role);
      more = page.more === true && page.entries.length > 0;
    }
    session.roles = roles;
    if (session === this.store.session) this.store.changed.emit("members");
  }

  /** The talk with somebody, where there is one already. @param {string} user */
  talkWith(user) {
    return [...this.store.sessions.values()].find((each) => each.other === user && each.epoch !== "");
  }

  /** Whether somebody was blocked from here. @param {string} user */
  hasBlocked(user) {
    return savedBlocked(this.store.me).includes(user);
  }

  /** Let somebody write to one alone no more; they are not told so. @param {string} user */
  async block(user) {
    const { store } = this;
    const talk = this.talkWith(user);
    if (!talk) throw new Error(`You have no talk of two with ${user}.`);
    await this.connection.ask({ type: "mute", session: talk.name, user });
    saveBlocked(store.me, [...savedBlocked(store.me).filter((one) => one !== user), user]);
    store.forget(talk.name);
    store.said.emit(`${user} writes to you alone no more, and is not told so.`);
  }

  /** Let somebody write to one again, and see what they wrote meanwhile. @param {string} user */
  async unblock(user) {
    const { store } = this;
    const both = [user, store.me].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
    const session = `@${both.join(",")}`;
    await this.connection.ask({ type: "unmute", session, user });
    saveBlocked(store.me, savedBlocked(store.me).filter((one) => one !== user));
    await this.connection.ask({ type: "join", session });
    store.said.emit(`${user} may write to you again.`);
  }

  /** Hear nothing more of somebody, or hear them again. @param {string} user */
  ignore(user) {
    const ignored = this.store.ignore(user);
    this.store.said.emit(ignored ? `You see no more of what ${user} writes.` : `You see what ${user} writes again.`);
  }
}
