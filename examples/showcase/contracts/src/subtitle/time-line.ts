import { SubtitleFormatError } from "./errors.js";

/** Times and settings of a cue. */
export interface TimeLine {
  readonly startMs: number;
  readonly endMs: number;
  /** Text after the times, usually coordinates; "" if there is none. */
  readonly settings: string;
}

/** Contents of a time line, with the cue's index if that is on the same line. */
export interface ReadTimeLine {
  readonly times: TimeLine;
  readonly index: number | null;
}

// Hours can be missing or have one digit. Milliseconds can follow a point or be missing. Only the parts between the times have an
// unlimited length, and each is tried once, so the match is linear in the length of the line.
const TIME = String.raw`(?:\d{1,9}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,9})?`;
const TIME_LINE = new RegExp(String.raw`^\s*(${TIME})\s*-->\s*(${TIME})(?=\s|$)`);

// Matches a damaged time line that has only one meaning. The damage is an index, brackets or quotation marks around the times,
// spaces within them, a second fraction, an arrow that is too short, too long or has a space, or settings without a space before
// them.
const ARROW = /-(?:\s?-){0,2}\s?>/;
const LOOSE_TIME = String.raw`-?\d{1,9}(?:\s?[:.,]\s?\d{1,9}){1,4}`;
const LOOSE_TIME_LINE = new RegExp(
  String.raw`^[\s[({"'#]{0,9}(?:(\d{1,9})[\s.)\]]{1,9})?(${LOOSE_TIME})[\s.,;)\]}"']{0,9}(${ARROW.source})` +
    String.raw`[\s[({"']{0,9}(${LOOSE_TIME})[.,;:)\]}"']{0,9}(?=\s|$|(?:line|position|size|align|vertical|region|[XY][12]):)`,
  "i",
);
/** Matches hours, minutes, seconds and the fraction. A fraction after a colon has three digits. Fewer digits could be frames. */
const CLOCK =
  /^(?:(?<hours>\d{1,9}):)?0?(?<minutes>\d{1,2}):(?:0(?=\d\d[.,]))?(?<seconds>\d{1,2})(?:[.,](?<fraction>\d{1,9})[\d.,]*|:(?<thousandths>\d{3}))?$/;

const PART_OF_TIME_LINE = /^[\d\s:.,;>-]*\d\s*:\s*\d[\d\s:.,;>-]*$/;

/** Longest line that is checked for damage, because the patterns for damage take quadratic time. A longer line is text. */
const LONGEST_DAMAGED = 200;

/** Returns the times in this line, or null if it is not a time line. */
export function parseTimeLine(line: string): ReadTimeLine | null {
  // Skips the patterns for most lines, which are text.
  if (!mayHaveArrow(line)) return null;
  const match = TIME_LINE.exec(line);
  if (match !== null) return timeLineOf(null, match[1], match[2], line.slice(match[0].length));
  if (line.length > LONGEST_DAMAGED) return null;
  const repaired = repair(line);
  const loose = LOOSE_TIME_LINE.exec(repaired);
  if (loose === null) return null;
  const [whole, index = null, start = "", arrow, end = ""] = loose;
  // "10:30 -> 11:45" is text.
  if (arrow !== "-->" && [start, end].some((time) => !/[:.,].+[:.,]/.test(time))) return null;
  return timeLineOf(index, start, end, repaired.slice(whole.length));
}

/** Returns true if the line was meant as a time line, readable or not. */
export function isMeantAsTimeLine(line: string): boolean {
  if (!mayHaveArrow(line)) return false;
  if (parseTimeLine(line) !== null) return true;
  if (line.length > LONGEST_DAMAGED) return false;
  const repaired = repair(line);
  const arrow = ARROW.exec(repaired);
  if (arrow === null) return false;
  const [before, after] = [repaired.slice(0, arrow.index), repaired.slice(arrow.index + arrow[0].length)];
  if (arrow[0] === "-->") {
    if (/^[^\p{L}\p{N}]*\d+\s*:\s*\d/u.test(before)) return true;
    if (/^[^\p{L}\p{N}]*$/u.test(before) && /^\s*\d+\s*:\s*\d/.test(after)) return true;
  }
  return /\d\s*:\s*\d+\s*[:.,]\s*\d[^\p{L}]*$/u.test(before) && /^\s*$|\d\s*:/.test(after);
}

/** Returns true for a line of only digits and other characters of a time line. It may still be text, such as "10:30". */
export function isPartOfTimeLine(line: string): boolean {
  return line.length <= LONGEST_DAMAGED && PART_OF_TIME_LINE.test(toAscii(line));
}

/** Creates the error for a line that was meant as a time line and cannot be read. @param line Line number, from 1. */
export function damagedTimeLine(line: number): SubtitleFormatError {
  return new SubtitleFormatError(
    line,
    "the time line cannot be read. Correct it: a time line looks like 00:00:01,000 --> 00:00:02,500",
  );
}

/** Returns `01:02:03,450 --> 01:02:05,000`, with the settings if there are any. WebVTT uses a point instead of the comma. */
export function formatTimeLine({ startMs, endMs, settings }: TimeLine, point: "," | "." = ","): string {
  const times = `${formatTime(startMs, point)} --> ${formatTime(endMs, point)}`;
  return settings === "" ? times : `${times} ${settings}`;
}

/** Replaces digits and punctuation of other scripts by those of ASCII, and removes invisible characters. */
export function toAscii(line: string): string {
  return (
    line
      .normalize("NFKC")
      .replaceAll(/\p{Cf}/gu, "")
      // The last four bits of these code points are the digit.
      .replaceAll(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String(digit.charCodeAt(0) & 0xf))
      .replaceAll(/[\u060C\u066B]/g, ",")
      .replaceAll(/[\u2010-\u2015\u2212]/g, "-")
  );
}

function mayHaveArrow(line: string): boolean {
  return /[>\uFF1E\uFE65]|&gt;/.test(line);
}

/** Converts to ASCII, with digits for letters that look like them in words of only such letters and digits. */
function repair(line: string): string {
  return toAscii(line)
    .replaceAll("&gt;", ">")
    .replaceAll(/(?<![\p{L}\p{N}])[\dOoIl|]+(?![\p{L}\p{N}])/gu, (token) =>
      token.replaceAll(/[Oo]/g, "0").replaceAll(/[Il|]/g, "1"),
    );
}

function timeLineOf(before: string | null, start = "", end = "", settings = ""): ReadTimeLine | null {
  const [from, to] = [clockOf(start), clockOf(end)];
  if (from === null || to === null) return null;
  // In "200:00:03,000 --> 00:00:04,000", the index 2 has no space before the time.
  const glued = from.hours.length > 2 && to.hours.length <= 2 && from.ms > to.ms ? from.hours.slice(0, -2) : null;
  const startMs = glued === null ? from.ms : from.ms - Number(glued) * 100 * 3_600_000;
  const index = before ?? glued;
  return {
    times: { startMs, endMs: to.ms, settings: settings.trim() },
    index: index === null ? null : Number(index),
  };
}

/** Returns a time in milliseconds, and its hours as written. A negative time is 0, the start of the film. */
function clockOf(time: string): { readonly ms: number; readonly hours: string } | null {
  const [isNegative, text] = [time.startsWith("-"), time.replaceAll(/[\s-]/g, "")];
  const { hours = "", minutes = "", seconds = "", fraction, thousandths } = CLOCK.exec(text)?.groups ?? {};
  if (minutes === "") return null;
  // The digits after the comma are a fraction: ",5" is half a second.
  const milliseconds = Number((thousandths ?? fraction ?? "").slice(0, 3).padEnd(3, "0"));
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + milliseconds;
  return isNegative ? { ms: 0, hours: "" } : { ms, hours };
}

function formatTime(ms: number, point: string): string {
  const digits = (value: number, length: number) => String(Math.floor(value)).padStart(length, "0");
  const hours = digits(ms / 3_600_000, 2);
  const minutes = digits((ms / 60_000) % 60, 2);
  const seconds = digits((ms / 1000) % 60, 2);
  return `${hours}:${minutes}:${seconds}${point}${digits(ms % 1000, 3)}`;
}
