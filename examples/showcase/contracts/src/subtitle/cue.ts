import type { Cue as PlainCue } from "../../../../contracts/subtitle/srt.js";
import type { TimeLine } from "./time-line.js";

/** Cue of the templates, with its settings, and with the parts that only WebVTT has. */
export interface Cue extends PlainCue, TimeLine {
  /** WebVTT: the identifier of the cue. */
  readonly id?: string;
  /** WebVTT: the notes, styles and regions before the cue. */
  readonly before?: string;
}

export type SubtitleFormat = "srt" | "vtt";

/** Subtitle file: its cues, and the parts before and after them. */
export interface Subtitle {
  readonly format: SubtitleFormat;
  readonly cues: readonly Cue[];
  /** WebVTT: the first lines, which begin with "WEBVTT". */
  readonly header?: string;
  /** WebVTT: notes after the last cue. */
  readonly footer?: string;
}

/** Returns the lines of a text with any line ends, without a byte order mark. */
export function linesOf(source: string): readonly string[] {
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  // "\r\r\n" is one line end that a program has converted twice.
  return text.replaceAll("\r\r\n", "\n").split(/\r\n|\r|\n/);
}
