import type { TimeLine } from "./time-line.js";

/** One subtitle: what is shown, and when. */
export interface Cue extends TimeLine {
  /** Names the cue; strictly increasing within a file. */
  readonly index: number;
  /** Its lines joined by "\n", tags included; "" for a blank cue. */
  readonly text: string;
  /** WebVTT: the cue's own name, where it has one. */
  readonly id?: string;
  /** WebVTT: the notes, styles and regions that stand before it. */
  readonly before?: string;
}

export type SubtitleFormat = "srt" | "vtt";

/** A subtitle file: its cues, and what stands around them. */
export interface Subtitle {
  readonly format: SubtitleFormat;
  readonly cues: readonly Cue[];
  /** WebVTT: the first lines, which begin with "WEBVTT". */
  readonly header?: string;
  /** WebVTT: notes after the last cue. */
  readonly footer?: string;
}

/** The lines of a text with any line ends, without a byte order mark. */
export function linesOf(source: string): readonly string[] {
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  // "\r\r\n" is one line end that was written through text mode twice.
  return text.replaceAll("\r\r\n", "\n").split(/\r\n|\r|\n/);
}
