// The tags that subtitles carry: HTML's <i>, ASS's {\an8}, WebVTT's <v Ann> and <00:01.000>. A tag ends before the next one begins, so that
// finding them all is linear in the text.
const TAG = /\{\\[^{}\n]*\}|<[\d:.]+>|<(\/?)([a-z]+)[^<>\n]*>/gi;
const REOPENED_ON_NEXT_LINE = /<\/([a-z]+)>\n<\1>/gi;
const WORD = /[\p{L}\p{N}]/u;

/** A text parted from the tags that hold for all of it: `before + text + after` shows the same. */
export interface Unwrapped {
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

/** Takes off the tags around the whole text, also where each of its lines is wrapped alike. */
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

/** The text as it is read: no tags. */
export function withoutTags(marked: string): string {
  return marked.replaceAll(TAG, "");
}

/** The text's tags, sorted: two texts with the same ones are marked up alike. */
export function tagsOf(marked: string): readonly string[] {
  return (marked.match(TAG) ?? []).sort();
}

/** Whether there is nothing to translate: no letter and no digit outside the tags ("", "♪", "<i>…</i>"). */
export function isBlank(marked: string): boolean {
  return !WORD.test(withoutTags(marked));
}

interface Tag {
  readonly kind: "override" | "opening" | "closing";
  readonly start: number;
  readonly end: number;
  /** Where in the list the tag stands that closes this one. */
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
