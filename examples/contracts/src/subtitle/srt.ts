import { type Cue, linesOf } from "./cue.js";
import { SubtitleFormatError } from "./errors.js";
import { formatTimeLine, isMeantAsTimeLine, parseTimeLine, type TimeLine } from "./time-line.js";

const INDEX_LINE = /^\s*\d{1,9}\s*$/;

/**
 * Reads SRT as it is found rather than as it should be: any line ends, a byte order mark, indexes missing or wrong,
 * cues not parted by blank lines, blank lines within a cue. A cue's text runs to the next time line, and blank lines
 * at either end of it only part it from its neighbours. The file's own indexes are kept if all are there and increase;
 * otherwise the cues are numbered from 1. What stands before the first time line is no cue and is left out.
 *
 * @throws SubtitleFormatError when there is no cue, or when a line was meant as a time line and cannot be read: going
 *   on would show its cue, and its numbers, as part of the cue before.
 */
export function parseSrt(source: string): readonly Cue[] {
  const lines = linesOf(source);
  const cues: (TimeLine & { readonly index: number | null; readonly text: string })[] = [];

  let current: { readonly times: TimeLine; readonly index: number | null; readonly firstLine: number } | null = null;
  const finishCurrent = (end: number) => {
    if (current !== null)
      cues.push({ index: current.index, ...current.times, text: textOf(lines, current.firstLine, end) });
  };

  for (const [at, line] of lines.entries()) {
    const times = parseTimeLine(line);
    if (times === null) {
      if (isMeantAsTimeLine(line)) throw new SubtitleFormatError(at + 1, "the time line cannot be read");
      continue;
    }
    const above = lines[at - 1];
    // A number right above a time line is that cue's index, even where the blank line before it is missing.
    const hasIndex = above !== undefined && INDEX_LINE.test(above);
    finishCurrent(hasIndex ? at - 1 : at);
    current = { times, index: hasIndex ? Number(above) : null, firstLine: at + 1 };
  }
  finishCurrent(lines.length);

  if (cues.length === 0) throw new SubtitleFormatError(lines.length, "the text ends without a single time line");
  return numbered(cues);
}

/** Writes the cues as SRT: "\n" line ends, one blank line between cues. */
export function formatSrt(cues: readonly Cue[]): string {
  return cues.map((cue) => `${cue.index}\n${formatTimeLine(cue)}\n${cue.text}\n`).join("\n");
}

/** The lines from `start` up to `end`, without the blank ones at either end. */
function textOf(lines: readonly string[], start: number, end: number): string {
  const isBlank = (at: number) => lines[at]?.trim() === "";
  let [first, afterLast] = [start, end];
  while (first < afterLast && isBlank(first)) first += 1;
  while (first < afterLast && isBlank(afterLast - 1)) afterLast -= 1;
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
