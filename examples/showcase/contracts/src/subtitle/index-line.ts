import { toAscii } from "./time-line.js";

/** Maximum length of a line with only an index. */
const LONGEST_INDEX = 30;
const INDEX_LINE = /^\s*[#[(]?\s*(-?\d{1,9}(?:[.,]\d{1,9})?)\s*[.):\]]?\s*$/;

/** Returns the number in a line that contains only an index, such as "2", "2.", "#2", "-2" or "1.1"; otherwise null. */
export function indexIn(line: string): number | null {
  if (line.length > LONGEST_INDEX) return null;
  const match = INDEX_LINE.exec(toAscii(line));
  return match?.[1] === undefined ? null : Number(match[1].replace(",", "."));
}

/**
 * Returns true if the line is the index of the next cue.
 *
 * @param index Index of the previous cue, null if it has none.
 * @param cues Number of previous cues.
 */
export function isNextIndex(line: string, index: number | null, cues: number): boolean {
  const value = indexIn(line);
  return value !== null && (value === cues + 1 || (index !== null && value === index + 1));
}
