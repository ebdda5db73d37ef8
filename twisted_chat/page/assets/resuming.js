/** Which sessions a page comes back to with its login, and which after it. */

/** @import { Login } from "./memory.js" */
/** @import { Store } from "./store.js" */
/** @import { Place } from "./wire.js" */

import { savedSeats } from "./memory.js";
import { MAX_BEFORE_LOGIN, MAX_RESUMED } from "./wire.js";

const utf8 = new TextEncoder();

/** Bytes of something as it travels. @param {unknown} value */
export const sizeOf = (value) => utf8.encode(JSON.stringify(value)).length;

/**
 * The sessions to come back to, as many as fit into a login; the others are joined after it.
 * @param {Store} store
 * @param {Login} login
 * @returns {{ resume: Place[], later: Place[] }}
 */
export function placesToResume(store, login) {
  /** @type {Place[]} */
  let places;
  if (store.me) {
    places = [...store.sessions.values()]
      .filter((session) => session.epoch && !session.over)
      .map(({ name, head, epoch, password }) => ({
        session: name, after: head, epoch, ...(password && { password }),
      }));
  } else {
    places = savedSeats().seats.map(({ session, password }) => ({ session, password }));
  }
  const room = MAX_BEFORE_LOGIN - 250 - sizeOf(login);
  let size = 0;
  const resume = places.filter((place, index) => {
    size += sizeOf(place) + 1;
    return size < room && index < MAX_RESUMED;
  });
  return { resume, later: places.slice(resume.length) };
}
