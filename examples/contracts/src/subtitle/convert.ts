import type { Cue, Subtitle, SubtitleFormat } from "./cue.js";

/** The same subtitle in the other format: what that one can say is kept, the rest left out. */
export function convertSubtitle(subtitle: Subtitle, format: SubtitleFormat): Subtitle {
  if (subtitle.format === format) return subtitle;
  return { format, cues: subtitle.cues.map(format === "vtt" ? srtCueToVtt : vttCueToSrt) };
}

const OVERRIDE = /\{\\[^{}\n]*\}/g;
const AT_TOP = /\{\\an[789]\}/;
const TAG = /<(\/?)([a-z]+|[\d:.]+)([^<>\n]*)>/gi;
const PLAIN_TAGS = new Set(["i", "b", "u"]);
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  nbsp: "\u00A0",
  lrm: "\u200E",
  rlm: "\u200F",
};

function srtCueToVtt({ index, startMs, endMs, text }: Cue): Cue {
  const kept = outsideTags(text.replaceAll(OVERRIDE, ""), (plain) =>
    plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  );
  const lines = kept.split("\n").filter((line) => line.trim() !== "");
  return { index, startMs, endMs, settings: AT_TOP.test(text) ? "line:0" : "", text: lines.join("\n") };
}

function vttCueToSrt({ index, startMs, endMs, settings, text }: Cue): Cue {
  const plain = outsideTags(text, (part) =>
    part.replaceAll(/&([a-z]+);/g, (entity, name: string) => ENTITIES[name] ?? entity),
  );
  const top = /(?:^|\s)line:(?:[0-4]?\d%|\d(?:\s|$))/.test(settings) ? "{\\an8}" : "";
  return { index, startMs, endMs, settings: "", text: top + plain };
}

/** Changes what stands between the tags; of these, both formats know only those for italic, bold and underlined. */
function outsideTags(text: string, change: (plain: string) => string): string {
  let [changed, end] = ["", 0];
  for (const match of text.matchAll(TAG)) {
    const [tag, slash = "", name = ""] = match;
    changed += change(text.slice(end, match.index));
    if (PLAIN_TAGS.has(name.toLowerCase())) changed += `<${slash}${name.toLowerCase()}>`;
    end = match.index + tag.length;
  }
  return changed + change(text.slice(end));
}
