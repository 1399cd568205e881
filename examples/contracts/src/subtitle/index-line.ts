import { toAscii } from "./time-line.js";

/** Longer than any index with what may be around it. */
const LONGEST_INDEX = 30;
const INDEX_LINE = /^\s*[#[(]?\s*(-?\d{1,9}(?:[.,]\d{1,9})?)\s*[.):\]]?\s*$/;

/** The number in a line that has nothing else, as an index may be written: "2", "2.", "#2", "-2", "1.1". */
export function indexIn(line: string): number | null {
  if (line.length > LONGEST_INDEX) return null;
  const match = INDEX_LINE.exec(toAscii(line));
  return match?.[1] === undefined ? null : Number(match[1].replace(",", "."));
}

/**
 * `true` if the line is the index after this one.
 *
 * @param index The index of the cue before, null if it has none.
 * @param cues The number of cues before.
 */
export function isNextIndex(line: string, index: number | null, cues: number): boolean {
  const value = indexIn(line);
  return value !== null && (value === cues + 1 || (index !== null && value === index + 1));
}
