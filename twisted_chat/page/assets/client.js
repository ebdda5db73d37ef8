/**
 * The chat's client: it logs in, comes back to where it was, and says what the person says. What
 * the server says goes to the inbox, what becomes known to the store.
 */

/** @import { Login } from "./memory.js" */
/** @import { Waiting } from "./outbox.js" */
/** @import { Session } from "./session.js" */
/** @import { Store } from "./store.js" */
/** @import { Line } from "./timeline.js" */
/** @import { Place, Texts, Welcome } from "./wire.js" */

import { Connection, Refused } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Choosing } from "./choosing.js";
import { Marks, saveLogin, saveStaying, savedLogin, savedSeats, stayingLogin } from "./memory.js";
import { Past } from "./past.js";
import { Quotes } from "./quotes.js";
import { placesToResume, sizeOf } from "./resuming.js";
import { Signal } from "./signal.js";
import { PAGE } from "./wire.js";

/** After how long the server is told how far somebody has read. */
const READ_AFTER = 1_000;

const utf8 = new TextEncoder();

export class Client {
  /** The login was refused, and why. @type {Signal<string>} */
  refused = new Signal();

  /** Whether an account stays logged in when the tab is closed. */
  stays = false;

  /** Whether the newest texts, asked for with the login, are on their way. */
  reading = false;

  /** @type {Login | null} */
  #login = null;
  /** Places for which the login had no room. @type {Place[]} */
  #later = [];

  /**
   * @param {string} url of the WebSocket
   * @param {Store} store
   */
  constructor(url, store) {
    this.store = store;
    this.connection = new Connection(url, {
      opened: () => void this.#greet(),
      received: (message) => this.inbox.received(message),
      changed: () => store.changed.emit("link"),
    });
    store.wasRead = (session) => this.#tellRead(session);
    this.past = new Past(this.connection, store);
    this.quotes = new Quotes(this.connection, store);
    this.inbox = new Inbox(this);
    this.choosing = new Choosing(this.connection, store);
  }

  /** Let an account's other devices know how far it has read. @param {Session} session */
  #tellRead(session) {
    if (this.store.guest || session.telling) return;
    session.telling = setTimeout(() => {
      session.telling = 0;
      if (this.connection.link !== "ready" || !session.read) return;
      const read = { type: "read", session: session.name, seq: session.read };
      this.connection.ask(read).catch(() => {}); // left meanwhile: nobody needs it
    }, READ_AFTER);
  }

  /** Log in as whoever this tab remembers. @returns {boolean} whether it remembers anybody */
  resume() {
    const login = savedLogin();
    this.stays = login?.token !== undefined && login.token === stayingLogin()?.token;
    if (login) this.login(login);
    return login !== null;
  }

  /** @param {Login} login */
  login(login) {
    const { me } = this.store;
    // After a refused return somebody else may sit here: what was said before is not theirs.
    if (me && me.toLowerCase() !== login.user.toLowerCase()) this.store.reset();
    this.#login = login;
    this.connection.stop();
    this.connection.start();
  }

  async logout() {
    const { device } = this;
    if (device) this.connection.ask({ type: "forget", device }).catch(() => {});
    const bye = this.connection.ask({ type: "logout" }).catch(() => {});
    await Promise.race([bye, new Promise((done) => setTimeout(done, 1000))]);
    this.#forgetLogin();
    this.store.reset();
  }

  /** @param {boolean} [proves] whether it would come in again */
  #forgetLogin(proves = false) {
    if (!proves && this.#login?.token === stayingLogin()?.token) saveStaying(null);
    this.#login = null;
    saveLogin(null);
    this.connection.stop();
  }

  /** Log in; and ask for the newest texts at once, which saves a round trip. */
  async #greet() {
    const login = this.#login;
    if (!login) return this.connection.stop();
    const { connection, store } = this;
    if (login.wants && !(await this.#register(login))) return undefined;
    const { resume, later } = placesToResume(store, login);
    this.#later = later;
    const remember = login.password !== undefined; // an account: from then on a token is enough
    const welcomed = connection.ask({ type: "login", ...login, resume, remember, places: true });
    this.reading = !store.session?.timeline.lines.length;
    if (this.reading) {
      const session = store.current || savedSeats().current || undefined;
      /** @type {Promise<Texts>} */
      const newest = connection.ask({ type: "history", session, limit: PAGE });
      newest.then((page) => this.#newest(page), () => {}).finally(() => {
        this.reading = false;
        if (store.session) void this.past.latest(store.session);
      });
    }
    try {
      await welcomed;
    } catch (error) {
      if (!(error instanceof Refused)) return; // lost: it comes back by itself
      this.#forgetLogin(error.code !== "bad-credentials");
      const lacking = error.code === "bad-credentials" && !login.password;
      this.refused.emit(lacking ? "To come in with this name you need a password." : error.message);
    }
  }

  /** Make the account that somebody is to come in with. @param {Login} login */
  async #register(login) {
    const { user, password, wants: invite } = login;
    try {
      await this.connection.ask({ type: "register", user, password, ...(invite !== true && { invite }) });
      delete login.wants;
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        this.#forgetLogin();
        this.refused.emit(error.message);
      }
      return false; // lost: it is tried again when the connection has come back
    }
  }

  /** This browser's device, of an account. */
  get device() {
    return this.store.guest ? "" : this.#login?.token?.split(".")[0] ?? "";
  }

  /** @param {Texts} page */
  #newest(page) {
    const session = this.store.sessions.get(page.session);
    if (!session) return;
    this.past.newest(session, page);
    if (session === this.store.session) this.store.changed.emit("texts");
  }

  /** Who is logged in, and its proof, as HTTP has it. */
  get bearer() {
    const bytes = utf8.encode(`${this.store.me}:${this.#login?.token ?? this.#login?.password ?? ""}`);
    return `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }

  /** The login is done. @param {Welcome} welcome */
  welcomed(welcome) {
    const { store, connection } = this;
    if (!this.#login) return;
    if (welcome.token) {
      this.#login.token = welcome.token;
      delete this.#login.password;
    }
    saveLogin(this.#login);
    if (this.stays && !welcome.guest) saveStaying(this.#login);
    const first = store.me === "";
    store.me = welcome.user;
    store.guest = welcome.guest ?? false;
    store.operator = welcome.operator ?? false;
    store.server = welcome.server;
    store.lobby = welcome.lobby ?? "";
    store.limits = welcome.limits;
    if (first) store.marks = new Marks(welcome.user);
    this.choosing.begin(welcome, first);
    for (const session of store.sessions.values()) session.here = false;
    connection.welcomed();
    for (const place of this.#later) connection.send({ type: "join", ...place });
    const news = [];
    for (const known of welcome.direct ?? []) {
      const session = store.need(known.session);
      if (session.epoch === known.epoch) continue;
      this.inbox.direct(session, known);
      if (session.unread) news.push(session);
    }
    for (const { session, epoch, read, mentions } of welcome.places ?? []) {
      store.need(session).known(epoch, read, mentions);
    }
    void this.past.readOwn(news);
    store.changed.emit("login");
    if (first) this.#resettle();
    for (const session of store.sessions.values()) if (session.other) this.flush(session);
  }

  /** Be where the tab was before it was loaded again. */
  #resettle() {
    const { store } = this;
    const { current } = savedSeats();
    // Of a talk of two in which nothing was said yet this tab alone knows.
    for (const name of [current, ...store.outbox.sessions()]) {
      if (name.startsWith("@")) store.need(name);
    }
    store.show(current || store.lobby);
  }

  // --- saying ----------------------------------------------------------------------------

  /**
   * Say something in a session, now or when the connection is back.
   * @param {Session} session
   * @param {string} data
   * @param {number} [reply] the seq of the text that it answers
   */
  say(session, data, reply) {
    this.store.outbox.add(session.name, session.other, data, reply);
    session.newFrom = 0;
    this.flush(session);
    this.store.changed.emit("texts");
  }

  /** Put a mark beside a text, or take one's own away. @param {Line} line @param {string} data */
  react(line, data) {
    const own = line.reactions?.some((each) => each.data === data && each.users.includes(this.store.me));
    this.#change({ type: "react", of: line.seq, data, ...(own && { undo: true }) });
  }

  /** Let one's own text read otherwise. @param {number} seq @param {string} data */
  edit(seq, data) {
    this.#change({ type: "edit", of: seq, data });
  }

  /** Take a text back. @param {Line} line */
  redact(line) {
    this.#change({ type: "redact", of: line.seq });
  }

  /** @param {Record<string, unknown> & { type: string }} request */
  #change(request) {
    const session = this.store.current;
    this.connection.ask({ ...request, session }).catch((error) => {
      this.store.said.emit(error instanceof Error ? error.message : String(error));
    });
  }

  /** Say it again, under a new mark: the server refused it. @param {Waiting} text */
  again(text) {
    this.store.outbox.again(text);
    const session = this.store.sessions.get(text.session);
    if (session) this.flush(session);
    this.store.changed.emit("texts");
  }

  /** Do not say it after all. @param {Waiting} text */
  drop(text) {
    this.store.outbox.remove(text.id);
    this.store.changed.emit("texts");
  }

  /** Why a text can not be sent at all, or "". @param {string} data */
  tooLong(data) {
    const { text, frame } = this.store.limits;
    const bytes = utf8.encode(data).length;
    if (bytes <= text && sizeOf(data) < frame - 2048) return "";
    return `A text has at most ${text.toLocaleString()} bytes; this one has ${
      bytes.toLocaleString()}.`;
  }

  /** Send what waits for a session that the server has let this page into. @param {Session} session */
  flush(session) {
    const { connection, store } = this;
    if (connection.link !== "ready" || !(session.here || session.other)) return;
    let sent = false;
    for (const text of store.outbox.of(session.name)) {
      if (text.state === "failed") continue;
      const { id, data, reply } = text;
      const place = session.other ? { to: session.other } : { session: session.name };
      connection.send({ type: "text", ...place, data, id, ...(reply && { reply }) });
      if (text.state === "waiting") text.epoch = session.epoch;
      text.state = "sent";
      sent = true;
    }
    if (sent) store.outbox.save();
  }
}
