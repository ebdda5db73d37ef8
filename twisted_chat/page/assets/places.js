/**
 * A link of its own for every session, and every text: the address bar names what is shown
 * (`#/ops`, `#/ops/42`), back and forward go there again, and a link that somebody follows is
 * opened, after the login where one is needed.
 */

/** @import { Rooms } from "./rooms.js" */
/** @import { TextsView } from "./texts.js" */

/**
 * @param {string} session
 * @param {number} [seq]
 */
export function linkTo(session, seq) {
  return `#/${encodeURIComponent(session)}${seq ? `/${seq}` : ""}`;
}

/** What a link leads to, or null where that is nothing here. @param {string} hash */
export function targetOf(hash) {
  const found = /^#\/([^/]+)(?:\/(\d{1,15}))?$/u.exec(hash);
  if (!found) return null;
  try {
    return { session: decodeURIComponent(found[1] ?? ""), seq: Number(found[2] ?? 0) };
  } catch {
    return null;
  }
}

export class Places {
  /** What is to be opened as soon as somebody is logged in. */
  #wanted = targetOf(location.hash);

  /**
   * @param {Rooms} rooms
   * @param {TextsView} texts
   */
  constructor(rooms, texts) {
    this.rooms = rooms;
    this.store = rooms.store;
    this.texts = texts;
    window.addEventListener("popstate", () => {
      const target = targetOf(location.hash);
      if (!this.store.me) this.#wanted = target;
      else if (target) void this.#go(target);
    });
    this.store.changed.on((what) => {
      if (what === "login" && this.store.me && this.#wanted) {
        const target = this.#wanted;
        this.#wanted = null;
        void this.#go(target);
      } else if (what === "current" && !this.#wanted) {
        this.#name();
      }
    });
  }

  /** Have the address bar name what is shown. */
  #name() {
    const { current } = this.store;
    if (!current || targetOf(location.hash)?.session === current) return;
    if (location.hash) history.pushState(null, "", linkTo(current));
    else history.replaceState(null, "", linkTo(current));
  }

  /** @param {{ session: string, seq: number }} target */
  async #go({ session, seq }) {
    const { store } = this;
    try {
      if (store.sessions.get(session)?.epoch) this.rooms.open(session);
      else await this.rooms.join(session);
      if (!seq) return undefined;
      if (!(await this.texts.toText(seq))) return store.said.emit("That text is not there any more.");
      history.replaceState(null, "", linkTo(session, seq));
    } catch (error) {
      store.said.emit(`${session}: ${error instanceof Error ? error.message : ""}`);
      this.#name();
    }
    return undefined;
  }
}
