/** Formats values as text. The page is in English in every browser, and times are in the time zone of the browser. */

const languages = new Intl.DisplayNames("en", { type: "language" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const hour = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const dayAndHour = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const numbers = new Intl.NumberFormat("en");

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {string} tag */
export function languageName(tag) {
  try {
    return languages.of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** @param {number} value */
export const number = (value) => numbers.format(value);

/** @param {number} share 0 to 1; only 1 is shown as 100% */
export const percent = (share) => `${share < 1 ? Math.min(99, Math.floor(share * 100)) : 100}%`;

/** @param {string | Date} at */
export const dateAndTime = (at) => moment.format(new Date(at));

/** @param {string | number | Date} at */
export const timeOfDay = (at) => clock.format(new Date(at));

/**
 * Formats a time in the future, in a short form.
 *
 * @param {string} at
 * @param {number} now milliseconds
 */
export function upcoming(at, now = Date.now()) {
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  return (today ? hour : dayAndHour).format(new Date(at));
}

/**
 * @param {string} at
 * @param {number} now milliseconds
 */
export function ago(at, now) {
  const ms = Math.max(0, now - Date.parse(at));
  if (ms < 45 * SECOND) return "just now";
  if (ms < 45 * MINUTE) return relative.format(-Math.max(1, Math.round(ms / MINUTE)), "minute");
  if (ms < 22 * HOUR) return relative.format(-Math.max(1, Math.round(ms / HOUR)), "hour");
  return relative.format(-Math.max(1, Math.round(ms / DAY)), "day");
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`;
}

/** @param {number} ms from the film's beginning */
export function cueTime(ms) {
  const two = (/** @type {number} */ value) => String(Math.floor(value)).padStart(2, "0");
  const thousandths = String(ms % SECOND).padStart(3, "0");
  return `${two(ms / HOUR)}:${two((ms % HOUR) / MINUTE)}:${two((ms % MINUTE) / SECOND)}.${thousandths}`;
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1024 ? `${bytes} bytes` : `${number(Math.round(bytes / 1024))} KB`;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
