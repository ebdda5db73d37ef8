/**
 * What a person sets for itself: whom they ignore, and of what sessions are to tell them. Of an
 * account the server keeps it, so that it is so on every device; of a guest the browser does.
 */

/** @import { Connection } from "./connection.js" */
/** @import { Store } from "./store.js" */
/** @import { NewChoice, Welcome } from "./wire.js" */

import { savedIgnored, savedLevels, saveIgnored, saveLevels } from "./memory.js";

/** Users that the server lets an account ignore, and sessions that it may choose for, at most. */
const MOST = { ignored: 200, levels: 100 };

export class Choosing {
  /**
   * @param {Connection} connection
   * @param {Store} store
   */
  constructor(connection, store) {
    this.connection = connection;
    this.store = store;
    store.choose = (chosen) => void this.#keep(chosen);
  }

  /**
   * Somebody is logged in: the server says what an account has set, right behind its welcome.
   * @param {Welcome} welcome
   * @param {boolean} first  whether nobody was logged in before
   */
  begin({ user, guest, lobby, places = [] }, first) {
    const { store } = this;
    const levels = Object.entries(savedLevels(user)).map(([session, level]) => ({ session, level }));
    const ignored = savedIgnored(user);
    if (guest) {
      if (first) store.chosen({ ignored, levels });
      return;
    }
    store.chosen({ ignored: [], levels: [] });
    if (!ignored.length && !levels.length) return;
    // An earlier version of this page left it to the browser.
    const known = new Set([lobby, ...places.map(({ session }) => session)]);
    void this.#keep({
      ignore: ignored.slice(0, MOST.ignored),
      levels: levels.filter(({ session }) => known.has(session)).slice(0, MOST.levels),
    });
  }

  /** @param {NewChoice} chosen */
  async #keep(chosen) {
    const { store } = this;
    const { me } = store;
    if (store.guest) {
      saveIgnored(me, [...store.ignored.values()]);
      saveLevels(me, Object.fromEntries(store.levels));
      return;
    }
    try {
      await this.connection.ask({ type: "settings", ...chosen });
      saveIgnored(me, []);
      saveLevels(me, {});
    } catch (error) {
      store.said.emit(`That is not kept: ${error instanceof Error ? error.message : error}`);
    }
  }
}
