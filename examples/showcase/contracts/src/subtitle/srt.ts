import { type Cue, linesOf } from "./cue.js";
import { SubtitleFormatError } from "./errors.js";
import { indexIn, isNextIndex } from "./index-line.js";
import {
  damagedTimeLine,
  formatTimeLine,
  isMeantAsTimeLine,
  isPartOfTimeLine,
  parseTimeLine,
  type TimeLine,
} from "./time-line.js";

const PLAIN_INDEX_LINE = /^\s*\d{1,9}\s*$/;

/**
 * Reads SRT. It replaces the strict reader of the templates, because found files are often damaged. It accepts any line ends, a
 * byte order mark, indexes that are missing, wrong or apart from their time line, cues without a blank line between them, blank
 * lines within a cue, and damaged time lines that have only one meaning. A cue's text ends before the index of the next cue.
 * Blank lines around the text are left out. The file's own indexes are kept if all are present and increase. Otherwise, the cues
 * are numbered from 1. Lines before the first cue are left out.
 *
 * @throws SubtitleFormatError if there is no cue, or if a damaged time line has no clear meaning. Otherwise, its cue would be
 *   shown as text of the cue before.
 */
export function parseSrt(source: string): readonly Cue[] {
  const lines = linesOf(source);
  const starts = startsOf(lines);
  const cues = starts.map(({ at, times, index }, nth) => {
    const next = starts[nth + 1];
    const isIndexAt = (line: number) => isBlank(lines[line - 1]) && isNextIndex(lines[line] ?? "", index, nth + 1);
    const end = next === undefined ? endOfLast(lines, at, isIndexAt) : (next.indexAt ?? next.at);
    for (let line = at + 1; line < end - 1; line++) {
      if (isIndexAt(line) && isPartOfTimeLine(lines[line + 1] ?? "")) throw damagedTimeLine(line + 2);
    }
    return { index, ...times, text: textOf(lines, at + 1, end) };
  });
  if (cues.length === 0) throw new SubtitleFormatError(lines.length, "the text ends without a single time line");
  return numbered(cues);
}

/** Returns the content of an SRT file: "\n" line ends, one blank line between cues, and the settings after the times. */
export function formatSrt(cues: readonly Cue[]): string {
  return cues.map((cue) => `${cue.index}\n${formatTimeLine(cue)}\n${cue.text}\n`).join("\n");
}

interface Start {
  /** Position of the time line. */
  readonly at: number;
  readonly times: TimeLine;
  /** Position of the index line; null if there is none, or if the index is on the time line. */
  readonly indexAt: number | null;
  readonly index: number | null;
}

function startsOf(lines: readonly string[]): readonly Start[] {
  const found = lines.flatMap((line, at) => {
    const read = parseTimeLine(line);
    if (read !== null) return [{ at, ...read }];
    if (isMeantAsTimeLine(line)) throw damagedTimeLine(at + 1);
    return [];
  });
  const candidates = found.map(({ at }, nth) => {
    const above = lastFilled(lines, found[nth - 1]?.at ?? -1, at);
    const value = above === null ? null : indexIn(lines[above] ?? "");
    return above === null || value === null ? null : { above, value, isAdjacent: above === at - 1 };
  });
  // In a file with blank lines after every line, numbers apart from their time line are indexes, even with gaps.
  const areApart = candidates.every((candidate) => candidate !== null && !candidate.isAdjacent);

  const starts: Start[] = [];
  for (const [nth, { at, times, index }] of found.entries()) {
    const candidate = candidates[nth] ?? null;
    const isIndex = candidate !== null && isIndexOf(candidate, nth);
    starts.push({
      at,
      times,
      indexAt: isIndex ? candidate.above : null,
      index: index ?? (isIndex && Number.isInteger(candidate.value) ? candidate.value : null),
    });
  }
  return starts;

  function isIndexOf(
    { above, isAdjacent }: { readonly above: number; readonly isAdjacent: boolean },
    nth: number,
  ): boolean {
    const line = lines[above] ?? "";
    // A number right above a time line is that cue's index, even if the blank line before it is missing.
    if (nth === 0 || (isAdjacent && PLAIN_INDEX_LINE.test(line))) return true;
    const isAlone = isBlank(lines[above - 1]);
    const follows = isNextIndex(line, starts[nth - 1]?.index ?? null, nth);
    return isAdjacent ? isAlone || follows : isAlone && (follows || areApart);
  }
}

/** Returns the end of the last cue's text. A file that was cut short may end with the index of a further cue. */
function endOfLast(lines: readonly string[], at: number, isIndexAt: (line: number) => boolean): number {
  let end = lines.length;
  for (let last = lastFilled(lines, at, end); last !== null && isIndexAt(last); last = lastFilled(lines, at, end)) {
    end = last;
  }
  return end;
}

/** Returns the position of the last line between these two (both excluded) that is not blank. */
function lastFilled(lines: readonly string[], after: number, before: number): number | null {
  for (let at = before - 1; at > after; at--) if (!isBlank(lines[at])) return at;
  return null;
}

function isBlank(line: string | undefined): boolean {
  return line !== undefined && line.trim() === "";
}

function textOf(lines: readonly string[], start: number, end: number): string {
  let [first, afterLast] = [start, end];
  while (first < afterLast && isBlank(lines[first])) first += 1;
  while (first < afterLast && isBlank(lines[afterLast - 1])) afterLast -= 1;
  return lines.slice(first, afterLast).join("\n");
}

function numbered(cues: readonly (TimeLine & { readonly index: number | null; readonly text: string })[]): Cue[] {
  let last = -1;
  const increasing = cues.every(({ index }) => {
    const follows = index !== null && index > last;
    last = index ?? last;
    return follows;
  });
  return cues.map((cue, at) => ({ ...cue, index: increasing && cue.index !== null ? cue.index : at + 1 }));
}
