import { type Cue, linesOf, type Subtitle } from "./cue.js";
import { SubtitleFormatError } from "./errors.js";
import { formatTimeLine, isMeantAsTimeLine, parseTimeLine } from "./time-line.js";

/** Whether the text says of itself that it is WebVTT. */
export function isVtt(source: string): boolean {
  return /^\uFEFF?WEBVTT(?:[ \t\r\n]|$)/.test(source);
}

/**
 * Reads WebVTT. Notes, styles, regions, cue names and settings are kept where they stand. Cues are numbered from 1.
 *
 * @throws SubtitleFormatError where the first line does not say WEBVTT, there is no cue, or a time line is damaged
 */
export function parseVtt(source: string): Subtitle {
  if (!isVtt(source)) throw new SubtitleFormatError(1, "it does not begin with WEBVTT");
  const lines = linesOf(source);
  const [header = [], ...blocks] = blocksOf(lines);

  const cues: Cue[] = [];
  let notes: string[] = [];
  for (const block of blocks) {
    const at = block.findIndex(({ text }) => parseTimeLine(text) !== null);
    const damaged = block.find(({ text }, line) => line !== at && isMeantAsTimeLine(text));
    if (damaged) throw new SubtitleFormatError(damaged.number, "the time line cannot be read");
    if (at < 0) {
      notes.push(textOf(block));
      continue;
    }
    cues.push(cueOf(block, at, cues.length + 1, notes));
    notes = [];
  }
  if (cues.length === 0) throw new SubtitleFormatError(lines.length, "the text ends without a single time line");
  return { format: "vtt", header: textOf(header), cues, ...(notes.length > 0 && { footer: notes.join("\n\n") }) };
}

/** Writes WebVTT: "\n" line ends, one blank line between blocks. */
export function formatVtt({ header = "WEBVTT", cues, footer }: Subtitle): string {
  const blocks = cues.flatMap(({ before, id, text, ...times }) => [
    ...(before === undefined ? [] : [before]),
    [...(id === undefined ? [] : [id]), formatTimeLine(times, "."), ...(text === "" ? [] : [text])].join("\n"),
  ]);
  return `${[header, ...blocks, ...(footer === undefined ? [] : [footer])].join("\n\n")}\n`;
}

interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
}

/** Blocks end at a blank line, or where a second time line shows that the blank line is missing. */
function blocksOf(lines: readonly string[]): readonly (readonly Line[])[] {
  const blocks: Line[][] = [];
  let current: Line[] = [];
  let timed = false;
  const finish = () => {
    if (current.length > 0) blocks.push(current);
    current = [];
    timed = false;
  };
  for (const [at, text] of lines.entries()) {
    if (text.trim() === "") {
      finish();
      continue;
    }
    const isTimeLine = parseTimeLine(text) !== null;
    if (isTimeLine && (timed || blocks.length === 0)) finish();
    timed ||= isTimeLine;
    current.push({ text, number: at + 1 });
  }
  finish();
  return blocks;
}

/** What stands in the lines above the time line but for the last of them, the cue's name, is a note without its blank line. */
function cueOf(block: readonly Line[], at: number, index: number, notes: readonly string[]): Cue {
  const times = parseTimeLine(block[at]?.text ?? "");
  if (times === null) throw new TypeError("A cue without a time line.");
  const id = at > 0 ? block[at - 1]?.text : undefined;
  const before = [...notes, ...(at > 1 ? [textOf(block.slice(0, at - 1))] : [])].join("\n\n");
  return {
    index,
    ...times,
    text: textOf(block.slice(at + 1)),
    ...(id !== undefined && { id }),
    ...(before !== "" && { before }),
  };
}

function textOf(block: readonly Line[]): string {
  return block.map(({ text }) => text).join("\n");
}
