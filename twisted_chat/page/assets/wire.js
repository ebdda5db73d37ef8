/**
 * What travels over `/ws`: the types of docs/protocol.md, for the checker, and the few numbers that
 * a client must know before the server has told it any.
 */

/** Bytes in one message before the login is done, at most. */
export const MAX_BEFORE_LOGIN = 4096;

/** Sessions in a login's `resume`, at most. */
export const MAX_RESUMED = 64;

/** Texts asked for at a time. */
export const PAGE = 100;

/** Characters of a user's name, a session's name, a topic and a query, at most. */
export const MAX_USER = 32;
export const MAX_SESSION = 64;
export const MAX_TOPIC = 256;
export const MAX_QUERY = 256;

/**
 * The end of a sentence about something that is too long, or "". Nothing is cut in silence.
 * @param {string} words
 * @param {number} most
 */
export function tooLong(words, most) {
  const length = [...words].length;
  return length > most ? `has at most ${most} characters; this one has ${length}.` : "";
}

/**
 * @typedef {{ session: string, after?: number, epoch?: string, password?: string }} Place
 * @typedef {{ type: string, id?: string, [field: string]: unknown }} Request
 *
 * @typedef {{ data: string, count: number, users: string[] }} Reaction
 * @typedef {{ type: "text", session: string, seq: number, time: number, source: string,
 *   data: string, id?: string, guest?: boolean, reply?: number, edited?: number,
 *   redacted?: number, reactions?: Reaction[] }} Text
 * @typedef {{ type: "edited" | "redacted" | "reacted", session: string, seq: number, time: number,
 *   source: string, of: number, data?: string, undo?: boolean, reason?: string,
 *   id?: string }} Change
 * @typedef {Text | Change} Entry
 * @typedef {{ type: "kicked", session: string, user: string, by: string, count: number,
 *   reason?: string, id?: string }} Kicked
 * @typedef {{ type: "invited", session: string, user: string, by: string, id?: string }} Invited
 * @typedef {{ type: "read", session: string, seq: number, id?: string }} ReadTo
 * @typedef {{ session: string, level: import("./session.js").Level }} LevelOf
 * @typedef {{ ignored: string[], levels: LevelOf[] }} Choice
 * @typedef {{ ignore?: string[], unignore?: string[], levels?: LevelOf[] }} NewChoice
 * @typedef {Choice & { type: "settings", id?: string }} Chosen
 * @typedef {{ type: "typing", session: string, user: string, id?: undefined }} IsTyping
 * @typedef {{ type: "away", user: string, data?: string, id?: string }} WentAway
 * @typedef {{ session: string, epoch: string, head: number, read: number, unread: number,
 *   mentions: number }} KeptPlace
 * @typedef {{ text: number, frame: number, history: number, file?: number }} Limits
 * @typedef {{ session: string, epoch: string, head: number }} Direct
 * @typedef {{ type: "welcome", user: string, server: string, limits: Limits, protocol: number,
 *   lobby?: string, token?: string, operator?: boolean, guest?: boolean, direct?: Direct[],
 *   places?: KeptPlace[],
 *   id?: string }} Welcome
 * @typedef {{ locked?: boolean, invite?: boolean, moderated?: boolean, hidden?: boolean,
 *   open_topic?: boolean, limit?: number, keep?: boolean }} Settings
 * @typedef {Settings & { type: "changed", session: string, by: string, id?: string }} Changed
 * @typedef {{ type: "role", session: string, user: string, role: string, by: string,
 *   id?: string }} RoleGiven
 * @typedef {{ type: "roles", session: string, entries: { user: string, role: string }[],
 *   more?: boolean, id?: string }} RoleList
 * @typedef {{ kind: "ban" | "mute", by: string, since: number, user?: string, address?: string,
 *   until?: number, reason?: string }} Measure
 * @typedef {{ type: "bans", entries: Measure[], session?: string, more?: boolean,
 *   id?: string }} BanList
 * @typedef {{ device: string, since: number, last: number, door: string, address: string }} Device
 * @typedef {{ type: "devices", devices: Device[], id?: string }} DeviceList
 * @typedef {{ type: "registered", user: string, id?: string }} Registered
 * @typedef {{ type: "webhook", session: string, name: string, link: string, id?: string }} WebhookMade
 * @typedef {{ type: "webhooks", session: string,
 *   entries: { name: string, by: string, since: number }[], id?: string }} WebhookList
 * @typedef {{ type: "revoked", session: string, name: string, id?: string }} Revoked
 * @typedef {Settings & { type: "session", role?: string, session: string, epoch: string, head: number, users: string[],
 *   count: number, topic: string, owner: string | null, read?: number,
 *   port?: number, reset?: boolean, id?: string }} Snapshot
 * @typedef {{ type: "joined", session: string, user: string, count: number }} Joined
 * @typedef {{ type: "left", session: string, user: string, count: number, id?: string }} Left
 * @typedef {{ type: "presence", session: string, count: number, joined?: string[],
 *   left?: string[] }} Presence
 * @typedef {{ type: "topic", session: string, user: string, topic: string, id?: string }} Topic
 * @typedef {{ type: "deleted", session: string, user: string, id?: string }} Deleted
 * @typedef {{ session: string, users: number, topic: string, owner: string | null,
 *   locked: boolean, port?: number }} ListedSession
 * @typedef {{ user: string, sessions: string[] }} ListedUser
 * @typedef {{ type: "list", sessions: ListedSession[], users: ListedUser[], more?: boolean,
 *   id?: string }} Listing
 * @typedef {{ type: "who", session: string, users: string[], count: number, more?: boolean,
 *   away?: { user: string, data: string }[], id?: string }} Members
 * @typedef {{ type: "history", session: string, texts: Entry[], more: boolean, epoch: string,
 *   id?: string }} Texts
 * @typedef {{ type: "found", session?: string, texts: Text[], more: boolean, id?: string }} Found
 * @typedef {{ type: "pong", id?: string }} Pong
 * @typedef {{ type: "notice", data: string, by?: string, id?: string }} Notice
 * @typedef {{ type: "bye", data: string, retry?: number, id?: string }} Bye
 * @typedef {{ type: "error", code: string, data: string, session?: string, id?: string }} Failure
 *
 * @typedef {Welcome | Snapshot | Text | (Joined & { id?: undefined }) | Left
 *   | (Presence & { id?: undefined }) | Topic | Deleted | Listing | Members | Texts | Found | Pong
 *   | Notice | Bye | Failure | Change | Kicked | Invited | ReadTo | Chosen | IsTyping
 * | WentAway | Changed | RoleGiven | RoleList | BanList
 *   | WebhookMade | WebhookList | Revoked | DeviceList | Registered} Message
 */
