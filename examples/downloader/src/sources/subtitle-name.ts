import { basename, extname } from "node:path";
import { languageOfFileName } from "./file-language.js";

/** What a subtitle's file name says: `The Long Night (2019).en.sdh.srt`. */
export interface SubtitleName {
  readonly title: Title;
  readonly language: string;
  readonly hearingImpaired: boolean;
}

const ENDINGS = new Set(["srt", "vtt", "zip"]);
const hearingImpairedMarks = new Set(["sdh", "cc", "hi"]);

/**
 * Null for a file that is no subtitle for whole films in a known language: another format, no language in its name, or
 * `forced` (only the lines that a dubbed film leaves untranslated).
 */
export function readSubtitleName(fileName: string): SubtitleName | null {
  const parts = fileName.split(".");
  let ending = parts.pop()?.toLowerCase();
  if (ending === "gz") ending = parts.pop()?.toLowerCase();
  if (ending === undefined || !ENDINGS.has(ending)) return null;
  const last = parts.at(-1)?.toLowerCase() ?? "";
  if (last === "forced") return null;
  // `hi` is Hindi too: it is a mark only behind another language.
  const marked = hearingImpairedMarks.has(last) && languageOfFileName(parts.at(-2) ?? "") !== null && parts.length > 2;
  if (marked) parts.pop();
  const language = languageOfFileName(parts.pop() ?? "");
  const title = readTitle(parts.join("."));
  return language && title.words ? { title, language, hearingImpaired: marked } : null;
}

/** The names a subtitle may go by: the film's title, and the video file's own name. */
export function wantedTitles(videoTitle: string, videoUrl: string): readonly Title[] {
  return [readTitle(videoTitle), readTitle(videoStem(videoUrl) ?? "")].filter((title) => title.words !== "");
}

/** The name of the video file in an address, without its ending: `film` of `https://example.org/a/film.mkv?x=1`. */
export function videoStem(videoUrl: string): string | null {
  if (!URL.canParse(videoUrl)) return null;
  try {
    const name = basename(decodeURIComponent(new URL(videoUrl).pathname));
    return basename(name, extname(name));
  } catch {
    return null; // a percent sign that encodes nothing
  }
}

/** A title in a form that differs only where films do: not by case, accents, spacing or punctuation. */
export interface Title {
  readonly words: string;
  /** Only in brackets is it a year: `Blade Runner 2049` is another film, `Blade Runner (1982)` is not. */
  readonly year: string | null;
}

export function readTitle(text: string): Title {
  const year = /[([]((?:19|20)\d\d)[)\]]\W*$/.exec(text);
  const words = (year ? text.slice(0, year.index) : text)
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, " ")
    .trim();
  return { words, year: year?.[1] ?? null };
}

/** A year that only one of them names makes no difference. */
export function sameTitle(one: Title, other: Title): boolean {
  return one.words === other.words && (one.year === other.year || one.year === null || other.year === null);
}
