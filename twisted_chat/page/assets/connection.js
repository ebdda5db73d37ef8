/**
 * One WebSocket that comes back. It knows requests and their answers, delays, and silence; it does
 * not know what is said.
 *
 *     off --start--> connecting --open--> greeting --welcomed()--> ready
 *                        ^                    |                      |
 *                        +---- waiting <------+------- lost ---------+
 */

/** @import { Message, Request, Failure } from "./wire.js" */

/** @typedef {"off" | "connecting" | "greeting" | "ready" | "waiting"} Link */

/** Milliseconds of silence after which the server is asked whether it is there. */
const QUIET = 30_000;

/** Milliseconds that an answer to that question may take. */
const PATIENCE = 8_000;

/** Milliseconds between looks at the clock. */
const TICK = 5_000;

/** Milliseconds that a connection may take to come about. */
const SLOW = 15_000;

const FIRST_DELAY = 400;
const LONGEST_DELAY = 30_000;

/** The server refused: a code for programs, a sentence for people. */
export class Refused extends Error {
  /** @param {Failure} failure */
  constructor(failure) {
    super(failure.data);
    this.code = failure.code;
  }
}

/** The connection went before the answer came. */
export class Lost extends Error {
  constructor() {
    super("The connection was lost before the server answered.");
  }
}

/**
 * @typedef {object} Owner
 * @property {() => void} opened  the socket is open: say who you are
 * @property {(message: Message) => void} received
 * @property {() => void} changed  `link` has changed
 *
 * @typedef {object} Question
 * @property {(message: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {((message: any) => void) | undefined} part
 */

export class Connection {
  /** @type {Link} */
  link = "off";
  /** When the next attempt is due (milliseconds since 1970), while waiting. */
  due = 0;
  /** Attempts that failed since it last was ready. */
  failures = 0;

  #url;
  #owner;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Question>} */
  #questions = new Map();
  #asked = 0;
  #heard = 0;
  #probed = 0;
  #ticked = 0;
  #timer = 0;
  #clock = 0;

  /**
   * @param {string} url
   * @param {Owner} owner
   */
  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
  }

  start() {
    if (this.link !== "off") return;
    this.#connect();
    this.#ticked = Date.now();
    this.#clock = setInterval(() => this.#tick(), TICK);
  }

  /** Let go, and do not come back. */
  stop() {
    clearInterval(this.#clock);
    this.#drop();
    this.failures = 0;
    this.#become("off");
  }

  /** The login is done. */
  welcomed() {
    this.failures = 0;
    this.#become("ready");
  }

  /** Do not wait any longer; or, where it looks alive, make sure that it is. */
  hurry() {
    if (this.link === "waiting") this.#connect();
    else if (this.link === "ready") this.#probe();
  }

  /** The network is gone, or another one: what is open leads nowhere. */
  renew() {
    if (this.link === "ready" || this.link === "greeting") this.#lost(0);
  }

  /**
   * The server said that it goes, and when to come back.
   * @param {number} retry milliseconds
   */
  leaving(retry) {
    this.#lost(Math.max(retry, FIRST_DELAY) * (1 + Math.random() / 2));
  }

  /**
   * Send something that needs no answer here.
   * @param {Request} request
   */
  send(request) {
    this.#socket?.send(JSON.stringify(request));
  }

  /**
   * Send a request, and wait for its answer.
   * @template {Message} T
   * @param {Omit<Request, "id">} request
   * @param {(message: T) => void} [part] called with each answer but the last (those with `more`)
   * @returns {Promise<T>} rejects with Refused or Lost
   */
  ask(request, part) {
    return new Promise((resolve, reject) => {
      if (!this.#socket || this.#socket.readyState !== WebSocket.OPEN) return reject(new Lost());
      const id = `q${++this.#asked}`;
      this.#questions.set(id, { resolve, reject, part });
      return this.send(/** @type {Request} */ ({ ...request, id }));
    });
  }

  #connect() {
    this.#drop();
    this.#become("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#heard = Date.now();
      this.#probed = 0;
      this.#become("greeting");
      this.#owner.opened();
    };
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = () => this.#lost();
    this.#timer = setTimeout(() => this.#lost(), SLOW);
  }

  /** @param {unknown} data */
  #received(data) {
    this.#heard = Date.now();
    this.#probed = 0;
    if (typeof data !== "string") return;
    /** @type {Message} */
    const message = JSON.parse(data);
    this.#owner.received(message);
    const id = message.id;
    const question = id === undefined ? undefined : this.#questions.get(id);
    if (!id || !question) return;
    if (message.type === "error") question.reject(new Refused(message));
    else if (message.type === "list" && message.more) return question.part?.(message);
    else question.resolve(message);
    this.#questions.delete(id);
  }

  /** Forget the socket, without waiting for a goodbye that a dead network never brings. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const question of questions) question.reject(new Lost());
  }

  /** @param {number} [delay] milliseconds; left out: longer each time, and never the same */
  #lost(delay) {
    if (this.link === "off") return;
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 1.8 ** this.failures);
    const wait = delay ?? longest * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.#drop();
    this.due = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting");
  }

  /** Ask whether the server is there; #tick judges. */
  #probe() {
    if (this.#probed) return;
    this.#probed = Date.now();
    this.send({ type: "ping" });
    setTimeout(() => this.#tick(), PATIENCE + 100);
  }

  #tick() {
    const now = Date.now();
    const slept = now - this.#ticked > 4 * TICK;
    this.#ticked = now;
    if (this.link === "waiting" && now > this.due + TICK) return this.#connect();
    if (this.link === "greeting" && now - this.#heard > QUIET) return this.#lost();
    if (this.link !== "ready") return undefined;
    if (this.#probed && now - this.#probed > PATIENCE) {
      this.#lost(0);
    } else if (slept || now - this.#heard > QUIET) {
      this.#probe();
    }
    return undefined;
  }

  /** @param {Link} link */
  #become(link) {
    this.link = link;
    this.#owner.changed();
  }
}
