import { decodeHTML } from "entities";

/** Tags of WebVTT. None of them ends like an arrow. Players ignore all other tags. */
export const VTT_TAG = /<(\/?)([ibuc]|v|lang|ruby|rt)(?:[.\s][^<>\n]*)?(?<!\p{Pd}\s?)>|<(?:\d+:)?\d+:\d+\.\d+>/giu;
const OTHER_TAG = /<\/?[a-z][^<>\n]*>/gi;
const LINE_BREAK = /<br\s*\/?>/gi;

/** Returns a cue's text as players show it: with its tags, decoded character references, and no tags that players ignore. */
export function readVttText(written: string): string {
  return outsideTags(written, VTT_TAG, (part) => {
    const shown = decodeHTML(part.replaceAll(LINE_BREAK, "\n").replaceAll(OTHER_TAG, "")).replaceAll(/\r\n?/g, "\n");
    // Keeps "&lt;b&gt;" as text. As "<b>", it would be a tag.
    return shown.replaceAll(VTT_TAG, (tag) => `‹${tag.slice(1, -1)}›`);
  });
}

/** Returns the text for a file. Text outside of its tags is escaped, so it cannot be read as a tag or a time line. */
export function writeVttText(text: string): string {
  const escaped = outsideTags(text, VTT_TAG, (part) =>
    part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  );
  // Removes empty lines, at which a cue ends.
  return escaped
    .split("\n")
    .filter((line) => line !== "")
    .join("\n");
}

/** Applies `change` to the text between the tags, and `changeTag`, if it is given, to each tag. */
export function outsideTags(
  text: string,
  pattern: RegExp,
  change: (part: string) => string,
  changeTag: (tag: RegExpExecArray) => string = ([tag]) => tag,
): string {
  let [changed, end] = ["", 0];
  for (const match of text.matchAll(pattern)) {
    changed += change(text.slice(end, match.index)) + changeTag(match);
    end = match.index + match[0].length;
  }
  return changed + change(text.slice(end));
}
