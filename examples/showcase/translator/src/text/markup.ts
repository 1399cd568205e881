// Tags of subtitles: <i> of HTML, {\an8} of ASS, <v Ann> and <00:01.000> of WebVTT. A tag ends before the next one begins, so
// finding all of them takes linear time.
const TAG = /\{\\[^{}\n]*\}|<[\d:.]+>|<(\/?)([a-z]+)[^<>\n]*>/gi;
const REOPENED_ON_NEXT_LINE = /<\/([a-z]+)>\n<\1>/gi;
const WORD = /[\p{L}\p{N}]/u;

/** Text without the tags around all of it. `before + text + after` shows the same. */
export interface Unwrapped {
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

/** Removes the tags around the whole text, also if each of its lines has the same tags. */
export function unwrap(marked: string): Unwrapped {
  const whole = marked.trim().replaceAll(REOPENED_ON_NEXT_LINE, "\n");
  const tags = pairedTags(whole);

  let [start, end] = [0, whole.length];
  let [first, last] = [0, tags.length - 1];
  for (let tag = tags[first]; tag !== undefined && tag.start === start; tag = tags[first]) {
    if (tag.kind === "opening") {
      const closing = tags[last];
      if (tag.closedBy !== last || closing === undefined || closing.end !== end) break;
      end = closing.start;
      last -= 1;
    } else if (tag.kind === "closing") {
      break;
    }
    start = tag.end;
    first += 1;
  }
  return { before: whole.slice(0, start), text: whole.slice(start, end).trim(), after: whole.slice(end) };
}

/** Returns the text without tags. */
export function withoutTags(marked: string): string {
  return marked.replaceAll(TAG, "");
}

/** Returns the text's tags in order. Two texts with the same tags have the same formatting. */
export function tagsOf(marked: string): readonly string[] {
  return (marked.match(TAG) ?? []).sort();
}

/** Returns true if there is nothing to translate: no letter and no digit outside of the tags ("", "♪", "<i>…</i>"). */
export function isBlank(marked: string): boolean {
  return !WORD.test(withoutTags(marked));
}

interface Tag {
  readonly kind: "override" | "opening" | "closing";
  readonly start: number;
  readonly end: number;
  /** Returns the position of the tag that closes this one. */
  closedBy?: number;
}

function pairedTags(text: string): readonly Tag[] {
  const tags: Tag[] = [];
  const open = new Map<string, Tag[]>();
  for (const match of text.matchAll(TAG)) {
    const [{ length }, slash, name] = match;
    const range = { start: match.index, end: match.index + length };
    if (name === undefined) {
      tags.push({ kind: "override", ...range });
    } else if (slash === "") {
      const tag: Tag = { kind: "opening", ...range };
      const sameName = open.get(name.toLowerCase());
      if (sameName === undefined) open.set(name.toLowerCase(), [tag]);
      else sameName.push(tag);
      tags.push(tag);
    } else {
      const opened = open.get(name.toLowerCase())?.pop();
      if (opened !== undefined) opened.closedBy = tags.length;
      tags.push({ kind: "closing", ...range });
    }
  }
  return tags;
}
