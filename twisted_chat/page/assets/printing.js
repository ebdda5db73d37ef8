/** A conversation on paper: all of it, as far as a page can hold it, and not only what is in sight. */

/** @import { TextsView } from "./texts.js" */

import { MOST } from "./timeline.js";

/** Have all rows in the page while it is printed. @param {TextsView} texts */
export function preparePrinting({ list }) {
  window.addEventListener("beforeprint", () => list.print(true));
  window.addEventListener("afterprint", () => list.print(false));
}

/** Print the whole conversation that is shown: MOST texts of it. @param {TextsView} texts */
export async function print({ store, client, list }) {
  const { session } = store;
  while (session && session === store.session && !session.timeline.complete) {
    const { first, lines } = session.timeline;
    if (!lines.length || lines.length >= MOST) break;
    await session.reading;
    list.pinned = false; // what is read must not be let go of
    await client.past.older(session);
    if (session.timeline.first === first) break;
  }
  window.print();
}
