import type { Subtitle } from "./cue.js";
import { formatSrt, parseSrt } from "./srt.js";
import { formatVtt, isVtt, parseVtt } from "./vtt.js";

export { convertSubtitle } from "./convert.js";
export type { Cue, Subtitle, SubtitleFormat } from "./cue.js";
export { type DecodedSubtitle, damageIn, decodeSubtitle } from "./encoding.js";
export { SubtitleFormatError } from "./errors.js";
export { formatSrt, parseSrt } from "./srt.js";
export { isMeantAsTimeLine } from "./time-line.js";
export { isVtt } from "./vtt.js";

/** Reads SRT or WebVTT. The text begins with "WEBVTT" if it is WebVTT. @throws SubtitleFormatError */
export function parseSubtitle(text: string): Subtitle {
  return isVtt(text) ? parseVtt(text) : { format: "srt", cues: parseSrt(text) };
}

/** Writes a subtitle in its format. */
export function formatSubtitle(subtitle: Subtitle): string {
  return subtitle.format === "vtt" ? formatVtt(subtitle) : formatSrt(subtitle.cues);
}
