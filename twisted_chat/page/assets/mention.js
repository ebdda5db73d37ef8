/** Finding one's own name in what others say. */

const WORD = "[\\p{L}\\p{N}\\p{M}_]";

/** Names shorter than this are words too often: they have to be called with an `@`. */
const SHORT = 3;

/**
 * A pattern that finds a user's name as a word of its own, with or without an `@`.
 * @param {string} user
 */
export function mentionOf(user) {
  const name = user.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const at = [...user].length < SHORT ? "@" : "@?";
  return new RegExp(`(?<!${WORD})${at}${name}(?!${WORD})`, "giu");
}
