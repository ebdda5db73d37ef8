/** Commands about texts: a text is `^` (the last one here), `^3` (the third last) or its number. */

/** @import { Client } from "./client.js" */
/** @import { Commands } from "./commands.js" */
/** @import { Line } from "./timeline.js" */

import { Usage } from "./commands.js";
import { linkTo } from "./places.js";

/**
 * @param {Commands} commands
 * @param {Client} client
 */
export function addChanging(commands, client) {
  /** @param {string | undefined} reference @param {boolean} own @returns {Line} */
  const text = (reference = "", own = false) => {
    const { lines } = commands.here.timeline;
    const known = lines.filter((line) => line.of === undefined && !line.redacted
      && (!own || line.source === client.store.me));
    const back = /^\^(\d*)$/u.exec(reference);
    const found = back ? known.at(-Number(back[1] || 1))
      : known.find((line) => String(line.seq) === reference);
    if (!found) throw new Usage("A text is ^ (the last one here), ^3 (the third last), or its number.");
    return found;
  };
  commands.add("reply", "r", "WHICH TEXT…", "Answer a text: ^ is the last one here.", (which, words) =>
    client.say(commands.here, words ?? "", text(which).seq));
  commands.add("edit", "e", "WHICH TEXT…", "Let a text of yours read otherwise; ^ is your last one.",
    (which, words) => client.edit(text(which, true).seq, words ?? ""));
  commands.add("redact", "", "WHICH", "Take back a text of yours; ^ is your last one.", (which) =>
    client.redact(text(which, true)));
  commands.add("link", "", "WHICH", "Copy the link to a text.", (which) => {
    const link = new URL(linkTo(client.store.current, text(which).seq), location.href).href;
    void navigator.clipboard?.writeText(link);
    client.store.said.emit(`The link is copied: ${link}`);
  });
  commands.add("react", "", "WHICH MARK", "Put a mark beside a text, or take it away.", (which, mark) =>
    client.react(text(which), mark ?? ""));
}
