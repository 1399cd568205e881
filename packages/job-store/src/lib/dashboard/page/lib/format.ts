// Times and numbers as text, always in English. Times are in the zone of the browser, which every text or its heading names.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const numbers = new Intl.NumberFormat("en");
const parts = new Intl.DateTimeFormat("en-CA", {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const offsets = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" });
const months = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

export const number = (value: number): string => numbers.format(value);

/** Returns a number and its noun: "1 job", "2 jobs". */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`;

function partsOf(at: number): Readonly<Record<string, string>> {
  return Object.fromEntries(parts.formatToParts(at).map(({ type, value }) => [type, value]));
}

/** Returns the offset of the zone at a time: "UTC+01:00", or "UTC". */
export function zone(at: number): string {
  const name = offsets.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
  return name.replace("GMT", "UTC").replace("+00:00", "");
}

/** Returns a time with its date and zone: "2026-11-30 10:42:05 UTC+01:00". */
export function fullTime(at: number): string {
  const { year, month, day, hour, minute, second } = partsOf(at);
  return `${year}-${month}-${day} ${hour}:${minute}:${second} ${zone(at)}`;
}

/** Returns a time without its zone, for a table whose heading names the zone: "10:42:05" today, otherwise "Nov 29, 10:42". */
export function shortTime(at: number, now: number): string {
  const { year, month, day, hour, minute, second } = partsOf(at);
  const today = partsOf(now);
  if (year === today.year && month === today.month && day === today.day) return `${hour}:${minute}:${second}`;
  const date = `${months.format(at)}${year === today.year ? "" : ` ${year}`}`;
  return `${date}, ${hour}:${minute}`;
}

/** Returns a time of the day with its zone, for sentences: "10:42:05 UTC+01:00". */
export function timeOfDay(at: number): string {
  const { hour, minute, second } = partsOf(at);
  return `${hour}:${minute}:${second} ${zone(at)}`;
}

/** Returns a duration with at most two units. A negative one is 0. */
export function duration(ms: number): string {
  if (ms < 0) return "0 s";
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return two(ms, MINUTE, "min", SECOND, "s");
  if (ms < DAY) return two(ms, HOUR, "h", MINUTE, "min");
  return two(ms, DAY, "d", HOUR, "h");
}

/** Returns a duration without fractions of a second, for texts that change every second. */
export const age = (ms: number): string =>
  duration(ms < MINUTE ? Math.max(0, Math.floor(ms / SECOND)) * SECOND : ms)
    .replace(".0 s", " s")
    .replace("0 ms", "0 s");

function two(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeUnit}${rest === 0 ? "" : ` ${rest} ${smallUnit}`}`;
}

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = size / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/**
 * Returns a text with invisible characters as escapes: control characters, and those that change the direction of text. Values of jobs can
 * contain them to show another text than the stored one.
 */
export function visible(text: string, { lines = false } = {}): string {
  return text.replace(
    /[\p{Cc}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu,
    (character) =>
      lines && (character === "\n" || character === "\t")
        ? character
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
