/**
 * Who may do what in a session. The server decides it; what is here is so that the page offers
 * nothing that would be refused.
 */

/** @import { Session } from "./session.js" */
/** @import { Store } from "./store.js" */

/** The roles, the least first, and what people call each. @type {Record<string, string>} */
export const ROLES = { none: "no role", voice: "voice", moderator: "moderator", owner: "owner" };

const RANKS = Object.keys(ROLES);
const VOICE = 1;
const MODERATOR = 2;
const OWNER = 3;
const OPERATOR = 4;

/**
 * The rank of whoever is at the page.
 * @param {Store} store
 * @param {Session} session
 */
function ownRank(store, session) {
  if (session.other) return 0;
  return store.operator ? OPERATOR : Math.max(0, RANKS.indexOf(session.role));
}

/** @param {Session} session @param {string} name */
const rankOf = (session, name) => Math.max(0, RANKS.indexOf(session.roleOf(name)));

/** Whether one may take people out, and change the settings. @param {Store} store @param {Session} session */
export const mayRule = (store, session) => ownRank(store, session) >= MODERATOR;

/** @param {Store} store @param {Session} session */
export const mayDelete = (store, session) =>
  ownRank(store, session) >= OWNER && session.name !== store.lobby;

/** Whether one may let programs speak. @param {Store} store @param {Session} session */
export const mayHook = (store, session) => ownRank(store, session) >= OWNER;

/** Whether one may say that it stays, or does not. @param {Store} store @param {Session} session */
export const mayKeep = (store, session) => mayDelete(store, session);

/** @param {Store} store @param {Session} session */
export const maySetTopic = (store, session) =>
  !session.other && (mayRule(store, session) || session.openTopic);

/** @param {Store} store @param {Session} session */
export const mayInvite = (store, session) =>
  !session.other && (mayRule(store, session) || !session.invite);

/**
 * Whether one may kick, mute or ban somebody: those of a lower rank.
 * @param {Store} store
 * @param {Session} session
 * @param {string} name
 */
export const mayActOn = (store, session, name) =>
  mayRule(store, session) && name !== store.me && rankOf(session, name) < ownRank(store, session);

/**
 * The roles that one may give somebody; none at all where there is nothing to give.
 * @param {Store} store
 * @param {Session} session
 * @param {string} name
 */
export function rolesToGive(store, session, name) {
  const rank = ownRank(store, session);
  if (name === store.me) return [];
  if (rank >= OWNER) return RANKS;
  return rank >= MODERATOR && rankOf(session, name) <= VOICE ? RANKS.slice(0, VOICE + 1) : [];
}
