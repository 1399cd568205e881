import { languageOfCode, languageOfName } from "./language-name.js";
import { type ReleaseName, readReleaseName } from "./release-name.js";

/** Reading of a subtitle's file name: `The Long Night (2019).en.sdh.srt`. */
export interface SubtitleName {
  /** Name without its extension, language and marks. Empty or a number for `2_English.srt`. */
  readonly stem: string;
  readonly release: ReleaseName;
  /** Language of the name. Null if it has none. */
  readonly language: string | null;
  /** Language among the technical words, usually the language of the sound: `Film.2021.German.1080p`. */
  readonly soundLanguage: string | null;
  readonly hearingImpaired: boolean;
}

const ENDING = /\.(?:srt|vtt|zip)(?:\.gz)?$/i;
/** Mark at the end of a name: for the hard of hearing, or only for the parts in a foreign language. */
const MARK = /(?:^|[ ._([-]+)(sdh|cc|hi|forced)[)\]]?$/i;
/** Brackets around a language at the end of a name. */
const BRACKETED = /[ ._-]*[([]([^()[\]]+)[)\]]$/;
const LAST_PART = /(?:^|\.)([^.]+)$/;
const LAST_WORDS = [
  /(?:^|[ ._-])([^ ._-]+[ ._-]+[^ ._-]+[ ._-]+[^ ._-]+)$/,
  /(?:^|[ ._-])([^ ._-]+[ ._-]+[^ ._-]+)$/,
  /(?:^|[ ._-])([^ ._-]+)$/,
];
/** Names of trailers and other videos next to the film, as media servers use them. */
const EXTRA = /-(?:trailer|sample|behindthescenes|deleted|deletedscene|featurette|interview)$/i;
const OTHER = /(?<!\p{L})(?:forced|trailer|sample)(?!\p{L})/iu;
const OTHER_AT_END = /(?<!\p{L})(?:forced|trailer|sample)$/iu;

/**
 * Returns all readings of the name, the best first: `Johnny English.srt` is `Johnny` in English, or the film of that title in
 * an unknown language. Returns none for a file that is not a subtitle of a whole film: another format, `forced`, a trailer.
 */
export function readSubtitleName(fileName: string): readonly SubtitleName[] {
  if (!ENDING.test(fileName)) return [];
  const base = fileName.replace(ENDING, "");
  const marked = withoutMarks(base);
  if (marked === null) return [];
  const { language, rest } = splitLanguage(marked.rest) ?? { language: null, rest: null };
  const readings: SubtitleName[] = [];
  const add = (stem: string, tag: string | null, hearingImpaired: boolean) => {
    const release = readReleaseName(stem);
    // The title of an episode follows its number. It can contain any word.
    const isOther = (release.episode ? OTHER_AT_END : OTHER).test(release.rest);
    if (!EXTRA.test(stem) && !isOther) {
      readings.push({ stem, release, language: tag, soundLanguage: languageIn(release.rest), hearingImpaired });
    }
  };
  if (rest !== null) {
    const before = withoutMarks(rest); // `Film.forced.en.srt`
    if (before === null) return [];
    add(before.rest, language, marked.hearingImpaired || before.hearingImpaired);
  }
  if (marked.rest !== "") add(marked.rest, null, marked.hearingImpaired);
  return readings;
}

/** Returns null if one of the marks is `forced`. */
function withoutMarks(name: string): { readonly rest: string; readonly hearingImpaired: boolean } | null {
  let rest = name;
  let hearingImpaired = false;
  for (let match = MARK.exec(rest); match; match = MARK.exec(rest)) {
    const mark = match[1]?.toLowerCase();
    if (mark === "forced") return null;
    const before = rest.slice(0, match.index);
    // `hi` is also the code of Hindi, so it is a mark only after another language.
    if (before === "" || (mark === "hi" && splitLanguage(before) === null)) break;
    rest = before;
    hearingImpaired = true;
  }
  return { rest, hearingImpaired };
}

function splitLanguage(name: string): { readonly language: string; readonly rest: string } | null {
  for (const [pattern, languageOf] of [
    [LAST_PART, languageOfCode],
    [BRACKETED, (text: string) => languageOfCode(text) ?? languageOfName(text)],
    ...LAST_WORDS.map((pattern) => [pattern, languageOfName] as const),
    [/(?:^|_)([^_]+)$/, languageOfCode],
  ] as const) {
    const match = pattern.exec(name);
    const language = match && languageOf(match[1] ?? "");
    if (language) return { language, rest: name.slice(0, match.index) };
  }
  return null;
}

function languageIn(rest: string): string | null {
  const words = rest.split(/[^\p{L}]+/u).filter((word) => word.length > 2);
  return words.map(languageOfName).find((language) => language !== null) ?? null;
}
