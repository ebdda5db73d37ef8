/**
 * What the browser remembers. Who is logged in, and what is not sent yet, is the tab's
 * (sessionStorage: gone with the tab), unless they want to stay logged in; that, and how far somebody
 * has read, is the browser's (localStorage).
 * A browser that keeps nothing is fine: everything then lives as long as the page.
 */

const PREFIX = "twisted-chat.";

/** Read marks kept for one user, at most. */
const MAX_MARKS = 300;

/**
 * @typedef {{ user: string, password?: string, token?: string,
 *   wants?: string | true }} Login  `wants`: an account, perhaps with a code
 * @typedef {{ session: string, epoch: string, password?: string }} Seat
 * @typedef {{ epoch: string, seq: number }} Mark
 */

/**
 * @param {() => Storage} where
 * @param {string} key
 * @returns {any}
 */
function read(where, key) {
  try {
    return JSON.parse(where().getItem(PREFIX + key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {() => Storage} where
 * @param {string} key
 * @param {unknown} value
 */
function write(where, key, value) {
  try {
    if (value === null) where().removeItem(PREFIX + key);
    else where().setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Full or forbidden: it is a convenience only.
  }
}

const tab = () => sessionStorage;
const browser = () => localStorage;

/** Who this tab was, or who stays logged in in this browser. @returns {Login | null} */
export const savedLogin = () => read(tab, "login") ?? stayingLogin();

/** Who stays logged in in this browser: an account, by its token. @returns {Login | null} */
export const stayingLogin = () => read(browser, "login");

/** @param {Login | null} login */
export const saveStaying = (login) => write(browser, "login", login);

/** @param {Login | null} login */
export const saveLogin = (login) => write(tab, "login", login);

/**
 * The sessions that this tab was in, and the one that it showed.
 * @returns {{ seats: Seat[], current: string }}
 */
export const savedSeats = () => read(tab, "seats") ?? { seats: [], current: "" };

/** @param {{ seats: Seat[], current: string } | null} seats */
export const saveSeats = (seats) => write(tab, "seats", seats);

/**
 * Texts that were typed here and not acknowledged yet.
 * @returns {import("./outbox.js").Waiting[]}
 */
export const savedOutbox = () => read(tab, "outbox") ?? [];

/** @param {import("./outbox.js").Waiting[]} waiting */
export const saveOutbox = (waiting) => write(tab, "outbox", waiting.length ? waiting : null);

/** @returns {Record<string, string>} */
export const savedDrafts = () => read(tab, "drafts") ?? {};

/** @param {Record<string, string>} drafts */
export const saveDrafts = (drafts) =>
  write(tab, "drafts", Object.keys(drafts).length ? drafts : null);

/**
 * Whom a guest does not want to hear of (an account's are the server's to keep: see choosing.js).
 * @param {string} me
 * @returns {string[]}
 */
export const savedIgnored = (me) => read(browser, `ignored.${me.toLowerCase()}`) ?? [];

/** @param {string} me @param {string[]} names */
export const saveIgnored = (me, names) =>
  write(browser, `ignored.${me.toLowerCase()}`, names.length ? names : null);

/**
 * Whom a user has blocked from here: the server does it, and does not list them.
 * @param {string} me
 * @returns {string[]}
 */
export const savedBlocked = (me) => read(browser, `blocked.${me.toLowerCase()}`) ?? [];

/** @param {string} me @param {string[]} names */
export const saveBlocked = (me, names) =>
  write(browser, `blocked.${me.toLowerCase()}`, names.length ? names : null);

/**
 * Of what a user wants to be told, in sessions where they have said so.
 * @param {string} me
 * @returns {Record<string, import("./session.js").Level>}
 */
export const savedLevels = (me) => read(browser, `levels.${me.toLowerCase()}`) ?? {};

/** @param {string} me @param {Record<string, import("./session.js").Level>} levels */
export const saveLevels = (me, levels) =>
  write(browser, `levels.${me.toLowerCase()}`, Object.keys(levels).length ? levels : null);

/** Whether there is to be no sound here. @returns {boolean} */
export const isQuiet = () => read(browser, "quiet") === true;

/** @param {boolean} quiet */
export const saveQuiet = (quiet) => write(browser, "quiet", quiet || null);

/** How far a user has read, in each session. Several tabs may write it: none takes back another's. */
export class Marks {
  #key;
  /** @type {Map<string, Mark>} */
  #marks;
  /** The sessions of which this tab knows more than what is saved. @type {Set<string>} */
  #news = new Set();
  #saving = 0;

  /** @param {string} user */
  constructor(user) {
    this.#key = `read.${user.toLowerCase()}`;
    this.#marks = this.#saved();
  }

  /** @returns {Map<string, Mark>} */
  #saved() {
    return new Map(Object.entries(read(browser, this.#key) ?? {}));
  }

  /**
   * The last seq that was read in this life of the session, or -1.
   * @param {string} session
   * @param {string} epoch
   */
  get(session, epoch) {
    const mark = this.#marks.get(session);
    return mark?.epoch === epoch ? mark.seq : -1;
  }

  /**
   * @param {string} session
   * @param {string} epoch
   * @param {number} seq
   */
  set(session, epoch, seq) {
    this.#marks.set(session, { epoch, seq });
    this.#news.add(session);
    this.#saving ||= setTimeout(() => this.save(), 500);
  }

  save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    const all = this.#saved();
    for (const session of this.#news) {
      const mine = /** @type {Mark} */ (this.#marks.get(session));
      const other = all.get(session);
      all.delete(session); // so that the map's order is that of use
      all.set(session, other?.epoch === mine.epoch && other.seq > mine.seq ? other : mine);
    }
    this.#news.clear();
    this.#marks = new Map([...all].slice(-MAX_MARKS));
    write(browser, this.#key, Object.fromEntries(this.#marks));
  }
}

/** @returns {boolean} whether the person has already said no to notifications here */
export const saidNo = () => read(browser, "no-notifications") === true;

export const sayNo = () => write(browser, "no-notifications", true);
