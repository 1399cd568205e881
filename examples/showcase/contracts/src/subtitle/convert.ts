import type { Cue, Subtitle, SubtitleFormat } from "./cue.js";
import { isMeantAsTimeLine } from "./time-line.js";
import { outsideTags, VTT_TAG } from "./vtt-text.js";

/** Converts a subtitle to the other format. Parts that the other format does not have are left out. */
export function convertSubtitle(subtitle: Subtitle, format: SubtitleFormat): Subtitle {
  if (subtitle.format === format) return subtitle;
  return { format, cues: subtitle.cues.map(format === "vtt" ? srtCueToVtt : vttCueToSrt) };
}

const OVERRIDE = /\{\\[^{}\n]*\}/g;
const AT_TOP = /\{\\(?:[^{}\n]*\\)?an[789]/;
/** Tags of HTML that players of SRT either apply or ignore. */
const SRT_TAG = /<(\/?)([biu]|font|s|strike|em|strong|span|div|p)(?:\s[^<>\n]*)?>/gi;
const LINE_BREAK = /<br\s*\/?>/gi;
const PLAIN_TAGS = new Set(["i", "b", "u"]);

function srtCueToVtt({ index, startMs, endMs, text }: Cue): Cue {
  const lines = linesOf(withPlainTags(text.replaceAll(OVERRIDE, "").replaceAll(LINE_BREAK, "\n"), SRT_TAG));
  return { index, startMs, endMs, settings: AT_TOP.test(text) ? "line:0" : "", text: lines.join("\n") };
}

function vttCueToSrt({ index, startMs, endMs, settings, text }: Cue): Cue {
  // Replaces arrows, because SRT cannot escape them, and such a line would begin another cue.
  const lines = linesOf(withPlainTags(text, VTT_TAG)).map((line) =>
    isMeantAsTimeLine(line) ? line.replaceAll(/>|&gt;/g, "›") : line,
  );
  const top = /(?:^|\s)line:(?:[0-4]?\d%|\d(?:\s|$))/.test(settings) ? "{\\an8}" : "";
  return { index, startMs, endMs, settings: "", text: top + lines.join("\n") };
}

/** Returns the lines of a text without blank lines, at which many players end a cue. */
function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

/** Keeps the tags for italic, bold and underlined text, which both formats have, and removes all others. */
function withPlainTags(text: string, pattern: RegExp): string {
  return outsideTags(
    text,
    pattern,
    (part) => part,
    ([, slash = "", name = ""]) => (PLAIN_TAGS.has(name.toLowerCase()) ? `<${slash}${name.toLowerCase()}>` : ""),
  );
}
