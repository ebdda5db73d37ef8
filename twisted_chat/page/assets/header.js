/** The head of the session that is shown: its name, its topic, and how many are there. */

/** @import { Client } from "./client.js" */

import { byId, write } from "./dom.js";
import { eachFrame } from "./signal.js";

export class Header {
  /** @param {Client} client */
  constructor(client) {
    this.store = client.store;
    const render = eachFrame(() => this.#render());
    this.store.changed.on((what) => {
      if (what !== "texts" && what !== "link") render();
    });
  }

  #render() {
    const session = this.store.session;
    write("title", session?.title ?? this.store.server); // a heading that is empty is none
    write("topic", session?.topic ?? "");
    byId("title-lock").toggleAttribute("hidden", !session?.locked);
    const lives = session !== undefined && !session.over;
    byId("search-open").hidden = !lives;
    for (const id of ["about-open", "members-open"]) byId(id).hidden = !lives || session.other !== "";
    byId("nothing").hidden = session !== undefined || !this.store.me;
    const count = session?.count ?? 0;
    write("member-count", count.toLocaleString());
    byId("members-open").setAttribute("aria-label", `Members, ${count}`);
  }
}
