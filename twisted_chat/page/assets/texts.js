/** The view of what is said in the session that is shown. */

/** @import { Client } from "./client.js" */
/** @import { Line } from "./timeline.js" */
/** @import { Menu } from "./menu.js" */
/** @import { Waiting } from "./outbox.js" */

import { attentive } from "./attention.js";
import { byId, el } from "./dom.js";
import { List } from "./list.js";
import { Mention } from "./mention.js";
import { linkTo } from "./places.js";
import { begins, isLong, quoted, row } from "./row.js";
import { eachFrame } from "./signal.js";
import { FOLLOWED } from "./timeline.js";

/** Rows from either end of what is at hand at which more is asked for. */
const CLOSE = 60;

/** Pixels from the newest text at which there is a button that leads there. */
const FAR = 400;

/** Milliseconds that a text which was looked for is marked. */
const FLASH = 2_000;

export class TextsView {
  /** @type {Waiting[]} */
  #waiting = [];
  /** @type {Mention | null} */
  #mention = null;
  /** Long texts that the person wants to see whole. @type {Set<string>} */
  #unfolded = new Set();
  /** The first new text of this visit that was in sight: the way to it need not be shown. */
  #reached = 0;
  #shown = "";
  #flashed = 0;
  /** What can be done to a text. @type {Menu | null} */
  menu = null;
  /** Opens the menu at a name. @type {(name: string) => void} */
  person = () => {};

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.store = client.store;
    this.beginning = byId("beginning");
    this.newest = byId("newest");
    this.missed = byId("missed");
    this.list = new List(byId("scroller"), byId("texts"), this, () => this.#seen());
    this.newest.addEventListener("click", () => this.toNewest());
    this.missed.addEventListener("click", () => this.#toMissed());
    const render = eachFrame(() => this.#render());
    this.store.changed.on((what) => {
      if (what === "login") this.#mention = this.store.me ? new Mention(this.store.me) : null;
      if (what === "texts" || what === "current" || what === "login") render();
    });
    for (const event of ["focus", "visibilitychange"]) {
      window.addEventListener(event, () => this.#seen());
    }
  }

  // --- what the list asks ------------------------------------------------------------------

  get origin() {
    return this.store.session?.timeline.first || 1;
  }

  get count() {
    const session = this.store.session;
    return session ? session.timeline.lines.length + this.#waiting.length : 0;
  }

  get ends() {
    return this.store.session?.atHead ?? true;
  }

  /** @param {number} at @returns {Line | undefined} */
  #line(at) {
    const lines = this.store.session?.timeline.lines ?? [];
    if (at < lines.length) return lines[at];
    const waiting = this.#waiting[at - lines.length];
    return waiting && { seq: 0, source: this.store.me, time: waiting.time, data: waiting.data };
  }

  /** Whether a line is not seen: what changed a text, or what somebody says who is ignored. @param {Line | undefined} line */
  #hides(line) {
    return line !== undefined && (line.of !== undefined || this.store.ignores(line.source));
  }

  /** The text before a row: what changed one in between has no row. @param {number} at */
  #before(at) {
    let before = at - 1;
    while (before >= 0 && this.#hides(this.#line(before))) before -= 1;
    return this.#line(before);
  }

  /**
   * Whether a text is the first that is new, of those that are seen.
   * @param {number} at
   * @param {Line} line
   */
  #isNew(at, line) {
    const session = this.store.session;
    const from = session?.newFrom ?? 0;
    if (!session || !from || line.seq < from || !session.timeline.has(from)) return false;
    const before = this.#before(at);
    return before === undefined || before.seq < from;
  }

  /** How a text begins that another answers. @param {number} seq */
  #quote(seq) {
    const { session } = this.store;
    if (!session) return "";
    const line = session.timeline.get(seq);
    if (!line) return this.client.quotes.of(session, seq);
    return this.#hides(line) ? "" : quoted(line);
  }

  /** @param {number} at */
  #waitingAt(at) {
    return this.#waiting[at - (this.store.session?.timeline.lines.length ?? 0)];
  }

  /** @param {number} at */
  look(at) {
    const line = this.#line(at);
    if (!line) return "";
    if (this.#hides(line)) return "change";
    const { day, head } = begins(this.#before(at), line);
    const waiting = this.#waitingAt(at);
    const isNew = this.#isNew(at, line);
    const open = this.#unfolded.has(this.#nameOf(at));
    const over = this.store.session?.over ? "over" : "";
    const quote = line.reply ? this.#quote(line.reply) : "";
    return `${waiting?.id ?? ""}${line.version ?? ""} ${waiting?.state ?? ""}${over} ${+day}${+head}${+isNew}${+open} ${quote}`;
  }

  /** @param {number} at */
  build(at) {
    const line = /** @type {Line} */ (this.#line(at));
    if (this.#hides(line)) return el("li", "row change");
    const waiting = this.#waitingAt(at);
    const name = this.#nameOf(at);
    const element = row(
      line,
      {
        ...begins(this.#before(at), line),
        isNew: this.#isNew(at, line),
        state: waiting?.state ?? "",
        reason: waiting?.reason ?? "",
        link: line.seq ? linkTo(this.store.current, line.seq) : "",
        folded: isLong(line.data) && !this.#unfolded.has(name),
      },
      line.source === this.store.me ? null : this.#mention,
      {
        unfold: () => {
          this.#unfolded.add(name);
          this.list.render();
        },
        again: this.store.session?.over ? null : () => waiting && this.client.again(waiting),
        drop: () => waiting && this.client.drop(waiting),
        more: (element) => this.menu?.open(line, element),
        react: (data) => this.client.react(line, data),
        go: (seq) => void this.toText(seq),
        quote: (seq) => this.#quote(seq),
        me: this.store.me,
        person: (who) => this.person(who),
      },
    );
    if (line.seq && line.seq === this.#flashed) element.classList.add("flash");
    return element;
  }

  /** @param {number} at */
  #nameOf(at) {
    return this.#waitingAt(at)?.id ?? String(this.#line(at)?.seq);
  }

  // --- rendering ---------------------------------------------------------------------------

  #render() {
    const session = this.store.session;
    // What waits stands behind the newest text; without a connection, behind what is at hand.
    const isEnd = session?.atHead || !session?.timeline.lines.length || this.client.connection.link !== "ready";
    this.#waiting = isEnd ? this.store.outbox.of(session?.name ?? "") : [];
    const name = session ? `${session.name} ${session.epoch}` : "";
    if (name !== this.#shown) {
      this.#shown = name;
      this.#unfolded.clear();
      this.list.reset();
      this.#open();
    } else {
      if (session && this.list.pinned && session.atHead) session.timeline.keepNewest(FOLLOWED);
      this.list.render();
    }
    this.#edges();
  }

  /** A session is shown anew: begin where the person left it, if that is at hand. */
  #open() {
    const session = this.store.session;
    if (session?.newFrom && session.timeline.has(session.newFrom)) {
      this.list.show(session.newFrom, 0.25);
    } else {
      this.list.showEnd();
    }
  }

  /** Say what is at the beginning and at the end of what is in sight. */
  #edges() {
    const session = this.store.session;
    const empty = !session || session.head === 0;
    const { timeline } = session ?? {};
    let words = "";
    if (session && (empty || timeline?.complete)) {
      words = session.other
        ? `Only you and ${session.other} can read what is said here.`
        : `This is the beginning of ${session.name}.`;
    } else if (session && !session.over && (timeline?.lines.length || session.loading)) {
      words = "Reading older texts …";
    }
    this.beginning.textContent = words;
    const far = session !== undefined && (!session.atHead || this.list.fromEnd > FAR);
    this.newest.hidden = !far || empty;
    const unread = session?.unread ?? 0;
    const label = unread ? `${unread.toLocaleString()} new` : "Newest";
    /** @type {HTMLElement} */ (this.newest.lastElementChild).textContent = label;
    this.missed.hidden = !session?.newFrom || this.#reached === session.newFrom;
  }

  /** What is in sight has changed. */
  #seen() {
    const session = this.store.session;
    if (!session?.timeline.lines.length) return this.#edges();
    const { past } = this.client;
    if (this.list.from < CLOSE && !session.timeline.complete) void past.older(session);
    if (this.list.to > this.count - CLOSE && !session.atHead) void past.newer(session);
    if (!this.list.pinned) {
      session.timeline.keepAround(this.list.lastSeen);
    }
    if (this.list.firstSeen <= session.newFrom) this.#reached = session.newFrom;
    if (attentive()) {
      this.store.readTo(Math.min(this.list.lastSeen, session.timeline.last));
    }
    return this.#edges();
  }

  // --- going somewhere ---------------------------------------------------------------------

  async toNewest() {
    const session = this.store.session;
    if (!session) return;
    await this.client.past.latest(session);
    this.#render();
    this.list.showEnd();
  }

  /**
   * Show one text, wherever it is.
   * @param {number} seq
   * @returns {Promise<boolean>} whether it is still there
   */
  async toText(seq) {
    if (!(await this.#goTo(seq))) return false;
    this.#flashed = seq;
    this.list.render();
    const element = this.list.element(seq);
    element?.classList.add("flash");
    setTimeout(() => {
      this.#flashed = 0;
      this.list.element(seq)?.classList.remove("flash");
    }, FLASH);
    return true;
  }

  async #toMissed() {
    const session = this.store.session;
    if (!session?.newFrom) return;
    if (!(await this.#goTo(session.newFrom, 0.25))) {
      this.store.said.emit("What is new is not there any more.");
    }
  }

  /**
   * Have a text at hand, and in sight.
   * @param {number} seq
   * @param {number} [share] how far down, 0 to 1
   * @returns {Promise<boolean>} whether it is still there
   */
  async #goTo(seq, share) {
    const session = this.store.session;
    if (!session || !(await this.client.past.around(session, seq))) return false;
    if (session !== this.store.session) return true; // the person is elsewhere by now
    this.list.pinned = false; // who goes back follows the newest no more, and nothing is let go of
    this.#render();
    this.list.show(seq, share);
    return true;
  }
}
