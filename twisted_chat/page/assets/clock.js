/** Times, as people here write them. */

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, {
  weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit",
});
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const DAY = 86_400_000;

/** When the day of a time begins, here. @param {number} time */
function midnight(time) {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** Midnights are dear: texts come in runs, so the last two days are remembered. */
let known = { from: 0, to: 0 };

/** A number for each day, the same all day long. @param {number} time */
export function dayOf(time) {
  if (time < known.from || time >= known.to) {
    const from = midnight(time);
    known = { from, to: midnight(from + 1.5 * DAY) };
  }
  return known.from;
}

/** @param {number} time */
export const hourAndMinute = (time) => clock.format(time);

/** @param {number} time */
export const inFull = (time) => full.format(time);

/** @param {number} time */
export const inShort = (time) => short.format(time);

/** @param {number} text */
export function nameOfDay(text) {
  const ago = Math.round((midnight(Date.now()) - midnight(text)) / DAY);
  if (ago === 0 || ago === 1) {
    const word = relative.format(-ago, "day");
    return word.charAt(0).toUpperCase() + word.slice(1);
  }
  return (ago > 0 && ago < 300 ? day : dayAndYear).format(text);
}

/** For `<time datetime>`. @param {number} time */
export function machine(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
