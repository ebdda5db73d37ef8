/**
 * The commands that can be written, by the same names as in the line client. A line that begins
 * with `/` is a command, and is never said; `//x` says `/x`; `/me` is an action, and is said.
 */

/** @import { Client } from "./client.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { Session } from "./session.js" */

import { byId, closeOnOutside, el } from "./dom.js";
import { names } from "./session.js";

/** A command can not be understood, or not be done; the sentence says why. */
export class Usage extends Error {}

/**
 * @typedef {object} Command
 * @property {string} name
 * @property {string} short
 * @property {string} usage  arguments in capitals; in brackets those that may be left out
 * @property {string} help
 * @property {(...given: string[]) => unknown} run
 */

/** Commands of the line client that a page has no use for. */
const ELSEWHERE = new Set(["login", "connect", "disconnect", "servers"]);

export class Commands {
  /** @type {Command[]} */
  #table = [];

  /**
   * @param {Client} client
   * @param {Rooms} rooms
   */
  constructor(client, rooms) {
    this.client = client;
    this.store = client.store;
    this.rooms = rooms;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("help"));
    closeOnOutside(this.dialog);
    byId("help-close").addEventListener("click", () => this.dialog.close());
    this.add("help", "?", "[COMMAND]", "Show what can be written.", () => this.#help());
    this.add("me", "", "TEXT…", "Say what you do.", () => {}); // said as it is
    this.add("msg", "m", "USER TEXT…", "Write to one user alone.", (user, text) => {
      this.#message((user ?? "").replace(/^@/u, ""), text ?? "");
    });
    this.add("joinsession", "j", "NAME [PASSWORD]", "Go into a session.", (name, password) =>
      this.#join(name ?? "", password));
    this.add(
      "createsession", "c", "NAME [PASSWORD]", "Create a session and go there.",
      (name, password) => rooms.create({
        session: name ?? "", topic: "", keep: true, ...(password && { password }),
      }),
    );
    this.add("leavesession", "l", "[NAME]", "Leave this session, or another.", (name) => {
      const session = name ? this.#one(name) : this.here;
      if (session.other) throw new Usage("A talk of two is always there.");
      return rooms.leave(session);
    });
    this.add(
      "topic", "t", "[TEXT…]", "Show the topic of this session, or change it.",
      (text) => {
        const { topic } = this.here;
        if (text) return rooms.setTopic(this.here, text);
        return this.store.said.emit(topic ? `The topic is: ${topic}` : "There is no topic.");
      },
    );
    this.add("switch", "s", "NAME", "Go to another session that you are in.", (name) =>
      rooms.open(this.#one(name ?? "").name));
    this.add("logout", "q", "", "Leave the chat.", () => client.logout());
  }

  /**
   * Know one more command.
   * @param {string} name
   * @param {string} short
   * @param {string} usage
   * @param {string} help
   * @param {(...given: string[]) => unknown} run
   */
  add(name, short, usage, help, run) {
    this.#table.push({ name, short, usage, help, run });
  }

  /** The session that is shown. Throws Usage. */
  get here() {
    const { session } = this.store;
    if (!session) throw new Usage("You are in no session.");
    return session;
  }

  /**
   * What a line says, or null where it is a command (which is then done).
   * @param {string} line
   * @returns {Promise<string | null>} rejects with Usage, Refused or Lost
   */
  async take(line) {
    if (!line.startsWith("/")) return line;
    if (line.startsWith("//")) return line.slice(1);
    if (/^\/me\s+\S/u.test(line)) return line.replace(/^\/me\s+/u, "/me ");
    const [, name = "", rest = ""] = /^\/(\S*)\s*([^]*)$/u.exec(line) ?? [];
    const command = this.#find(name.toLowerCase());
    await command.run(...read(command, rest.trim()));
    return null;
  }

  /** The commands that begin so, for completion. @param {string} begun */
  beginning(begun) {
    return this.#table
      .filter(({ name }) => name.startsWith(begun.toLowerCase()))
      .sort((a, b) => names.compare(a.name, b.name))
      .map(({ name, usage }) => ({ name: `/${name}`, note: usage }));
  }

  /** @param {string} name @returns {Command} */
  #find(name) {
    const same = this.#table.find((each) => name && (each.name === name || each.short === name));
    if (same) return same;
    if (ELSEWHERE.has(name)) throw new Usage(`/${name} is for the line client: a page is at one server.`);
    const found = name ? this.#table.filter((each) => each.name.startsWith(name)) : [];
    const [one] = found;
    if (one && found.length === 1) return one;
    if (one) throw new Usage(`/${name} may be ${found.map((each) => `/${each.name}`).join(" or ")}.`);
    throw new Usage(`There is no command /${name}, and nothing was said. /help shows all; //${name} says /${name}.`);
  }

  /** @param {string} name @returns {Session} */
  #one(name) {
    const wanted = name.toLowerCase();
    const found = this.store.ordered().find((session) => [
      session.name, session.title, `@${session.other}`,
    ].some((each) => each.toLowerCase() === wanted));
    if (!found) throw new Usage(`You are not in ${name}: /joinsession ${name} goes there.`);
    return found;
  }

  /**
   * @param {string} name
   * @param {string} [password]
   */
  async #join(name, password) {
    const known = this.store.ordered().find((session) =>
      session.name.toLowerCase() === name.toLowerCase() && !session.over);
    if (known) this.rooms.open(known.name);
    else await this.rooms.join(name, password);
  }

  /**
   * @param {string} user
   * @param {string} text
   */
  #message(user, text) {
    this.rooms.message(user);
    const { session } = this.store;
    if (session) this.client.say(session, text);
  }

  #help() {
    const rows = [...this.#table].sort((a, b) => names.compare(a.name, b.name));
    byId("help-list").replaceChildren(...rows.flatMap(({ name, short, usage, help }) => [
      el("dt", "", el("code", "", `/${name} ${usage}`.trim())),
      el("dd", "", help, short ? el("span", "note", ` (/${short})`) : ""),
    ]));
    this.dialog.showModal();
  }
}

/**
 * Read what is written behind a command. Throws Usage.
 * @param {Command} command
 * @param {string} rest
 */
function read({ name, usage }, rest) {
  const wanted = usage.split(" ").filter(Boolean);
  const takesRest = usage.includes("…");
  const given = [];
  let left = rest;
  for (const [at] of wanted.entries()) {
    if (!left) break;
    const isLast = at === wanted.length - 1 && takesRest;
    const [word = ""] = isLast ? [left] : /^\S+/u.exec(left) ?? [];
    given.push(word);
    left = left.slice(word.length).trimStart();
  }
  const needed = wanted.filter((argument) => !argument.startsWith("[")).length;
  if (left || given.length < needed) throw new Usage(`It is written /${name} ${usage}`.trim());
  return given;
}
