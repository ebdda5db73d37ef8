/** Commands of those who rule a session, by the same names as in the line client; and being away. */

/** @import { About } from "./about.js" */
/** @import { AccountDialog } from "./account.js" */
/** @import { Client } from "./client.js" */
/** @import { Commands } from "./commands.js" */
/** @import { Rooms } from "./rooms.js" */
/** @import { WebhookMade } from "./wire.js" */

import { Usage } from "./commands.js";

/**
 * @param {Commands} commands
 * @param {Client} client
 * @param {Rooms} rooms
 * @param {About} dialog  of the session
 * @param {AccountDialog} account  of whoever is here
 * @param {(name: string) => void} person  opens the menu of somebody
 */
export function addRuling(commands, client, rooms, dialog, account, person) {
  const { connection, store } = client;
  const here = () => commands.here.name;
  /**
   * Ask for something about a user, and say what became of it.
   * @param {string} type
   * @param {string | undefined} user
   * @param {Record<string, unknown>} more
   * @param {string} done
   */
  const about = async (type, user, more, done) => {
    if (!user) throw new Usage("Whom?");
    await connection.ask({ type, session: here(), user, ...more });
    store.said.emit(`${user} ${done}`);
  };
  const because = (/** @type {string | undefined} */ reason) => (reason ? { reason } : {});

  commands.add("away", "", "[WHY…]", "Be away; without a reason be back.", async (why) => {
    await connection.ask({ type: "away", ...(why && { data: why }) });
    store.said.emit(why ? `You are away: ${why}` : "You are back.");
  });
  commands.add("invite", "i", "USER [--always]", "Let somebody come in here: once, or whenever they like.",
    (user, flag) => {
      if (flag && flag !== "--always") throw new Usage("It is written /invite USER or /invite USER --always");
      return about("invite", user, flag ? { lasting: true } : {}, "is invited.");
    });
  commands.add("uninvite", "", "USER", "Take an invitation back, for once or for always.", (user) =>
    about("invite", user, { undo: true }, "is not invited any more."));
  commands.add("kick", "k", "USER [WHY…]", "Take somebody out of this session.", (user, why) =>
    about("kick", user, because(why), "is out."));
  commands.add("ban", "", "USER [WHY…]", "Let somebody come in no more.", (user, why) =>
    about("ban", user, because(why), "is banned."));
  commands.add("unban", "", "USER", "Take a ban back.", (user) =>
    about("unban", user, {}, "is banned no more."));
  commands.add("mute", "", "USER [WHY…]", "Let nobody hear somebody here.", (user, why) =>
    about("mute", user, because(why), "is muted."));
  commands.add("unmute", "", "USER", "Take a mute back.", (user) =>
    about("unmute", user, {}, "is muted no more."));
  commands.add("ignore", "", "USER", "See no more of what somebody writes, or see it again.", (user) =>
    rooms.ignore((user ?? "").replace(/^@/u, "")));
  const plain = (/** @type {string | undefined} */ user) => (user ?? "").replace(/^@/u, "");
  commands.add("block", "", "USER", "Let a user write to you alone no more; they are not told so.",
    (user) => rooms.block(plain(user)));
  commands.add("unblock", "", "USER", "Let a user write to you again.", (user) =>
    rooms.unblock(plain(user)));
  commands.add("user", "u", "USER", "Show what can be done about somebody.", (user) =>
    person((user ?? "").replace(/^@/u, "")));
  commands.add("settings", "", "", "Show what this session is, and change it.", () => dialog.open());
  commands.add("webhook", "", "NAME", "Let a program say texts here: shows where it posts to, once.",
    async (name) => {
      /** @type {WebhookMade} */
      const { link } = await connection.ask({ type: "webhook", session: here(), name });
      dialog.open("webhooks");
      dialog.webhooks.made(link);
    });
  commands.add("webhooks", "", "", "Show which programs say texts here.", () => dialog.open("webhooks"));
  commands.add("revoke", "", "NAME", "Let a webhook of this session say no more.", async (name) => {
    await connection.ask({ type: "revoke", session: here(), name });
    store.said.emit(`${name} says nothing here any more.`);
  });
  commands.add("bans", "", "[--server]", "Show who is banned or muted here, or on the whole server.",
    (flag) => {
      if (flag === undefined) return dialog.open("bans");
      if (flag !== "--server") throw new Usage("It is written /bans or /bans --server");
      if (!store.operator) throw new Usage("That is for operators of the server.");
      return account.open("bans");
    });
  commands.add("role", "", "USER ROLE", "Give somebody a role: owner, moderator, voice, none.",
    (user, role) => about("role", user, { role }, `is ${role === "none" ? "without a role" : role} now.`));
}
