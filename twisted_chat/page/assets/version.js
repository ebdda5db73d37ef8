/**
 * Whether the server has another page by now. It can only have one after it was started again, and
 * then the connection was lost: so it is looked for when the page has come back.
 */

/** @import { Client } from "./client.js" */

import { byId } from "./dom.js";

/** The folder of the page's files, whose name says what is in them. */
const FOLDER = /assets\/([0-9a-f]{16})\//u;

/** @param {Client} client */
export function watchVersion(client) {
  const own = FOLDER.exec(import.meta.url)?.[1];
  let known = false;
  byId("version-load").addEventListener("click", () => location.reload());
  byId("version-later").addEventListener("click", () => {
    byId("version").hidden = true;
  });
  client.store.changed.on(async (what) => {
    if (what !== "link" || client.connection.link !== "ready") return;
    if (!known || !own) {
      known = true;
      return;
    }
    try {
      const answer = await fetch("./", { cache: "no-cache" });
      const there = FOLDER.exec(await answer.text())?.[1];
      if (answer.ok && there) byId("version").hidden = there === own;
    } catch {
      // It is looked for again when the connection has come back again.
    }
  });
}
