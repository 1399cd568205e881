import { titleKey } from "./title-key.js";

/** Film or episode that a title, a file name or a release name describes. */
export interface ReleaseName {
  /** All possible titles, the most likely first: the number in `Blade Runner 2049` could be a year. */
  readonly titles: readonly Title[];
  /** Null for a film. */
  readonly episode: Episode | null;
  /** Number of the disc: 1 for `CD1`, which has only a part of the film. Null for a complete film. */
  readonly disc: number | null;
  /** Text after title, year and episode: source, codec, group. */
  readonly rest: string;
}

export interface Title {
  /** Result of `titleKey`. */
  readonly key: string;
  /** Title as written, for a search. */
  readonly words: string;
  readonly year: number | null;
  /** True if the year can be part of the title. It then counts only if the other name has the same year. */
  readonly mayBeWord: boolean;
}

export interface Episode {
  /** Null if only a number is given (`[Group] Title - 02`): the first season, or a series without seasons. */
  readonly season: number | null;
  /** Empty for a whole season, and for a program whose episodes have dates. */
  readonly numbers: readonly number[];
  /** `2021-03-04`. */
  readonly date: string | null;
}

/** Maximum length that is read. A file name has at most 255 bytes, but titles and addresses can be longer. */
const MOST_CHARACTERS = 500;
/** Maximum size of a range such as `01-12`. A larger one was not meant as a range. */
const MOST_EPISODES = 100;

const word = (pattern: string, flags = "iu") =>
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`, flags);

/** Words that begin the technical part of a release name. Words that titles use, such as `Web` and `Cam`, are left out. */
const TECHNICAL = word(
  [
    "\\d{3,4}[pi]|[48]K|UHD|HDR(?:10(?:\\+|Plus)?)?",
    "Blu-?Ray|B[DR]-?Rip|BD-?Remux|Remux|WEB-?DL|WEB-?Rip|WEB(?= (?:[xh] ?26[45]|HEVC|AV1|\\d{3,4}p))",
    "HDTV|PDTV|SDTV|TV-?Rip|SAT-?Rip|DVD-?(?:Rip|Scr|R|5|9)|HD-?Rip|HD-?CAM|CAM-?Rip|HDTS|Telesync|VHS-?Rip",
    "[xh] ?26[345]|HEVC|XviD|DivX|AV1|VP9|(?:8|10)-?bit|Hi10P",
    "AAC|E?-?AC-?3|DTS(?:-HD)?|DDP? ?[257](?: [01])?|TrueHD|Atmos|FLAC",
    "REPACK|RERIP|(?:CD|Disc|Disk) ?\\d",
  ].join("|"),
  "giu",
);
/** Version of the film between the title and the year, for example `Final Cut`. */
const EDITION =
  / (?:(?:The )?(?:(?:Extended|Directors|Director's|Final|Ultimate|Special|Uncut|Unrated|Theatrical|(?:\d+th )?Anniversary) )+(?:Edition|Cut|Version)|\d+th Anniversary|IMAX|Unrated|Uncut|Remastered|CAM|SCR)$/i;
const DISC = word("(?:CD|Disc|Disk) ?(\\d)");
const YEAR = "(?:18[89]|19\\d|20\\d)\\d";
const YEAR_IN_BRACKETS = new RegExp(`[([] ?(${YEAR})(?: ?[-–] ?(?:${YEAR})?)? ?[)\\]]`, "g");
const BARE_YEAR = new RegExp(`(?<![\\p{L}\\p{N}])${YEAR}(?![\\p{L}\\p{N}])`, "gu");

const MORE = "(?: ?[-&+]? ?(?:S\\d{1,4} ?)?x?EP?\\d{1,4}|-\\d{1,3}(?![\\p{L}\\p{N}]))*";
const SEASON_WORD = "(?:Season|Series|Staffel|Saison|Temporada)";
/** Patterns for an episode. The first that matches counts. Groups: season, number, more numbers, date. */
const EPISODES: readonly RegExp[] = [
  word(`S(?<season>\\d{1,4}) ?-? ?x?EP?[ -]?(?<number>\\d{1,4})(?<more>${MORE})(?:v\\d)?`),
  word("(?<season>\\d{1,2})x(?<number>\\d{2,3})(?<more>(?:-?(?:\\d{1,2})?x\\d{2,3}|-\\d{2,3})*)"),
  word(`(?:${SEASON_WORD} ?|S)(?<season>\\d{1,2}),? ?-? ?(?:Episode|Ep|E|Folge|Capitulo) ?(?<number>\\d{1,3})`),
  word("S(?<season>\\d{1,2}) - (?<number>\\d{2,3})(?! \\d(?= |$))"),
  word(`(?<date>${YEAR}[ -](?:0[1-9]|1[0-2])[ -](?:0[1-9]|[12]\\d|3[01]))`),
  word(`(?:E(?=\\d\\d)|EP ?|(?<=- )Episode |Episode (?=\\d\\d))(?<number>\\d{1,4})(?<more>${MORE})(?:v\\d)?`),
];
/**
 * Matches `Title - 02` and not `Title - 10.5`. After a group, any number matches. Without a group, only a number between
 * separators matches.
 */
const NUMBER_OF_GROUP = / - (?<number>(?!(?:19|20)\d\d)\d{1,4})(?<more>(?:-\d{1,4})?)(?:v\d)?(?= |$)(?! \d(?= |$))/;
const NUMBER_ALONE = / - (?<number>\d{2,3})(?<more>)(?:v\d)?(?=$| ?[[(]| - )/;
const SEASON_OF_TITLE = /(?:^| )(?:S(\d{1,2})|(\d{1,2})(?:st|nd|rd|th) Season|Season (\d{1,2}))$/i;
/** Season without an episode. It is read in this form only: `Open Season 2` is a film. */
const WHOLE_SEASON = word("S(?<season>\\d{1,2})(?: ?- ?S\\d{1,2})?");

/** Reads a name. Text of any length and content is allowed, because it comes from requests, folders and services. */
export function readReleaseName(text: string): ReleaseName {
  const plain = text
    .slice(0, MOST_CHARACTERS)
    .normalize("NFKC")
    .replace(/[\s._]+/g, " ")
    .replace(/^www \S+ \S+ - |\{[^{}]*\}|\[(?:tmdb|imdb|tvdb)(?:id)?[-= ][^[\]]*\]/gi, " ") // {tmdb-1}, [imdbid-tt1]
    .trim();
  const group = /^\[[^[\]]*\](?! ?[([](?:19|20)\d\d[)\]]) ?/.exec(plain);
  const withoutGroup = group ? read(plain.slice(group[0].length), true) : null;
  // `[REC] (2007)` is a film and not a group.
  return withoutGroup && withoutGroup.titles.length > 0 ? withoutGroup : read(plain, false);
}

function read(text: string, hasGroup: boolean): ReleaseName {
  const found = findEpisode(text, hasGroup);
  const technical = [...text.matchAll(TECHNICAL)].find(({ index }) => isTitle(text.slice(0, index)));
  const end = Math.min(found?.at ?? text.length, technical?.index ?? text.length);
  const { titles, behind } = findYear(text, end);
  const disc = DISC.exec(text)?.[1];
  return {
    titles,
    episode: found?.episode ?? null,
    disc: disc === undefined ? null : Number(disc),
    rest: text.slice(behind),
  };
}

/** Returns the titles before `end`, where an episode or the technical part begins, and the position at which they end. */
function findYear(text: string, end: number): { readonly titles: readonly Title[]; readonly behind: number } {
  for (const { index, 1: year } of text.matchAll(YEAR_IN_BRACKETS)) {
    const behind = Math.min(index, end);
    if (isTitle(text.slice(0, behind))) return { titles: titlesOf(text.slice(0, behind), Number(year), false), behind };
  }
  const head = text.slice(0, end);
  const whole = titlesOf(head, null, false);
  const year = [...head.matchAll(BARE_YEAR)].findLast(({ index }) => isTitle(head.slice(0, index)));
  if (!year) return { titles: whole, behind: end };
  // Before an episode or the technical part, a number is the year, unless it is in the future: `Blade.Runner.2049.1080p`.
  const isYear = end < text.length && Number(year[0]) <= new Date().getFullYear() + 1;
  const withYear = titlesOf(head.slice(0, year.index), Number(year[0]), !isYear);
  return { titles: isYear ? [...withYear, ...whole] : [...whole, ...withYear], behind: year.index };
}

/** Returns a title, the same without the version of the film, and its parts if it has several (`Untouchable AKA Intouchables`). */
function titlesOf(head: string, year: number | null, mayBeWord: boolean): readonly Title[] {
  const withoutTags = head.replace(/\[[^[\]]*\]/g, " ");
  const words = (isTitle(withoutTags) ? withoutTags : head).replace(/[\s([-]+$/, "").trim();
  return [words, words.replace(EDITION, ""), ...(/ aka /i.test(words) ? words.split(/ aka /i) : [])]
    .filter((words, at, all) => all.indexOf(words) === at)
    .map((words) => ({ key: titleKey(words), words, year, mayBeWord }))
    .filter(({ key }) => key !== "");
}

function isTitle(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

function findEpisode(text: string, hasGroup: boolean): { readonly episode: Episode; readonly at: number } | null {
  for (const pattern of EPISODES) {
    const match = pattern.exec(text);
    if (match) return { episode: episodeOf(match), at: match.index };
  }
  const number = (hasGroup ? NUMBER_OF_GROUP : NUMBER_ALONE).exec(text);
  if (number) {
    const season = SEASON_OF_TITLE.exec(text.slice(0, number.index));
    const episode = { ...episodeOf(number), season: seasonOf(season?.[1] ?? season?.[2] ?? season?.[3]) };
    return { episode, at: season ? season.index : number.index };
  }
  const whole = WHOLE_SEASON.exec(text);
  if (!whole || whole.index === 0) return null;
  return { episode: { season: seasonOf(whole.groups?.season), numbers: [], date: null }, at: whole.index };
}

function episodeOf({ groups = {} }: RegExpExecArray): Episode {
  const { season, number, more = "", date } = groups;
  if (date !== undefined) return { season: null, numbers: [], date: date.replaceAll(" ", "-") };
  const numbers = [Number(number)];
  for (const [, range, next] of more.matchAll(/(-?) ?(?:S\d{1,4} ?|\d{1,2}(?=x))?x?(?:EP?)?(\d{1,4})/gi)) {
    const [from, to] = [numbers.at(-1) ?? 0, Number(next)];
    if (to <= from || to - from > MOST_EPISODES) continue;
    for (let at = range ? from + 1 : to; at <= to; at++) numbers.push(at);
  }
  return { season: seasonOf(season), numbers, date: null };
}

function seasonOf(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits);
}

/** Returns true if two titles can be those of one film or series. A year that only one of them has does not count. */
export function sameTitle(one: Title, other: Title): boolean {
  if (one.key !== other.key) return false;
  if (one.year === other.year) return true;
  return (one.year === null || other.year === null) && !one.mayBeWord && !other.mayBeWord;
}

/** Returns true for the same episode. A missing season counts as the first. */
export function sameEpisode(one: Episode | null, other: Episode | null): boolean {
  if (one === null || other === null) return one === other;
  const sameSeason = (one.season ?? 1) === (other.season ?? 1);
  const sameNumbers =
    one.numbers.length === other.numbers.length && one.numbers.every((number, at) => number === other.numbers[at]);
  return one.date === other.date && sameSeason && sameNumbers;
}
