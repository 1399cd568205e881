import { type Cue, linesOf, type Subtitle } from "./cue.js";
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
import { readVttText, writeVttText } from "./vtt-text.js";

/** Returns true if the text begins with WEBVTT, after any blank lines. */
export function isVtt(source: string): boolean {
  return /^\uFEFF?\s*WEBVTT(?:[ \t\r\n]|$)/.test(source);
}

const NOTE = /^(?:NOTE|STYLE|REGION)(?:\s|$)/;

/**
 * Reads WebVTT. Notes, styles, regions, cue names and settings are kept in their places. Cues are numbered from 1. Character
 * references in their texts are decoded. A block ends at an empty line, and a line of spaces is text. Text after an empty line
 * belongs to the cue before it. Like in players, text before the first cue and after a note is left out.
 *
 * @throws SubtitleFormatError if the first line is not WEBVTT, if there is no cue, or if a time line is damaged
 */
export function parseVtt(source: string): Subtitle {
  if (!isVtt(source)) throw new SubtitleFormatError(1, "it does not begin with WEBVTT");
  const lines = linesOf(source);
  const [header = [], ...blocks] = blocksOf(lines);

  const cues: { readonly cue: Omit<Cue, "text">; readonly lines: Line[] }[] = [];
  let notes: string[] = [];
  let isAfterCue = false;
  /** Block that is the next cue's index if a time line follows it, and text otherwise. */
  let index: Line | null = null;
  const addText = (more: readonly Line[]) => {
    const last = isAfterCue ? cues.at(-1) : undefined;
    for (const line of more) last?.lines.push(line);
  };
  for (const block of blocks) {
    const at = block.findIndex(({ text }) => timesIn(text) !== null);
    const first = block[0]?.text ?? "";
    const last = cues.at(-1)?.cue.id;
    const isNumbered =
      cues.length === 0 ? indexIn(first) !== null : isNextIndex(first, indexIn(last ?? ""), cues.length);
    refuseDamage(block, at, isNumbered);
    const above = block.slice(0, Math.max(at < 0 ? block.length : at - 1, 0));
    const isIndex = isNumbered && at < 0 && block.length === 1;
    if (index !== null && (at !== 0 || isIndex)) addText([index]);
    if (isIndex) {
      index = block[0] ?? null;
      continue;
    }
    if (NOTE.test(above[0]?.text ?? "")) {
      notes.push(joined(above));
      isAfterCue = false;
    } else {
      addText(above);
    }
    const times = at < 0 ? null : timesIn(block[at]?.text ?? "");
    if (times !== null) {
      const id = at > 0 ? block[at - 1]?.text : index?.text;
      const before = notes.join("\n\n");
      const cue = {
        index: cues.length + 1,
        ...times,
        ...(id !== undefined && { id }),
        ...(before !== "" && { before }),
      };
      cues.push({ cue, lines: block.slice(at + 1) });
      notes = [];
      isAfterCue = true;
    }
    index = null;
  }
  if (cues.length === 0) throw new SubtitleFormatError(lines.length, "the text ends without a single time line");
  return {
    format: "vtt",
    header: joined(header).trimStart(),
    cues: cues.map(({ cue, lines }) => ({ ...cue, text: withoutOuterBlankLines(readVttText(joined(lines))) })),
    ...(notes.length > 0 && { footer: notes.join("\n\n") }),
  };
}

/** Writes WebVTT: "\n" line ends, one blank line between blocks. */
export function formatVtt({ header = "WEBVTT", cues, footer }: Subtitle): string {
  const blocks = cues.flatMap(({ before, id, text, ...times }) => {
    const lines = [...(id === undefined ? [] : [id]), formatTimeLine(times, "."), writeVttText(text)];
    return [...(before === undefined ? [] : [before]), lines.filter((line) => line !== "").join("\n")];
  });
  return `${[header, ...blocks, ...(footer === undefined ? [] : [footer])].join("\n\n")}\n`;
}

interface Line {
  readonly text: string;
  /** Line number, from 1. */
  readonly number: number;
}

/** Splits lines into blocks. A block ends at an empty line, or before a second time line if the empty line is missing. */
function blocksOf(lines: readonly string[]): readonly (readonly Line[])[] {
  const blocks: Line[][] = [];
  let current: Line[] = [];
  let timed = false;
  let cues = 0;
  const finish = (rest: Line[] = []) => {
    if (current.length > 0) blocks.push(current);
    current = rest;
    timed = false;
  };
  for (const [at, text] of lines.entries()) {
    if (text === "" || (blocks.length === 0 && current.length === 0 && text.trim() === "")) {
      finish();
      continue;
    }
    if (timesIn(text) !== null) {
      const last = current.at(-1);
      if (timed && last !== undefined && isNextIndex(last.text, idOf(current), cues)) finish(current.splice(-1));
      else if (timed || blocks.length === 0) finish();
      timed = true;
      cues += 1;
    }
    current.push({ text, number: at + 1 });
  }
  finish();
  return blocks;
}

/** Returns the times in a line, or null. In WebVTT, "&gt;" is text and never a part of an arrow. */
function timesIn(text: string): TimeLine | null {
  return text.includes("&gt;") ? null : (parseTimeLine(text)?.times ?? null);
}

/** Returns the number above the time line of a block, or null. */
function idOf(block: readonly Line[]): number | null {
  const at = block.findIndex(({ text }) => timesIn(text) !== null);
  return at > 0 ? indexIn(block[at - 1]?.text ?? "") : null;
}

/**
 * Returns the text of a block.
 * @param at position of the block's time line, -1 if it has none
 * @param isNumbered `true` if the block's first line is the next cue's index
 * @throws SubtitleFormatError for another damaged time line
 */
function refuseDamage(block: readonly Line[], at: number, isNumbered: boolean): void {
  const damaged = block.find(({ text }, line) => line !== at && !text.includes("&gt;") && isMeantAsTimeLine(text));
  if (damaged) throw damagedTimeLine(damaged.number);
  const second = block[1];
  if (at < 0 && isNumbered && second && isPartOfTimeLine(second.text)) throw damagedTimeLine(second.number);
}

function withoutOuterBlankLines(text: string): string {
  const lines = text.split("\n");
  const isFilled = (line: string) => line.trim() !== "";
  return lines.slice(Math.max(lines.findIndex(isFilled), 0), lines.findLastIndex(isFilled) + 1).join("\n");
}

function joined(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join("\n");
}
