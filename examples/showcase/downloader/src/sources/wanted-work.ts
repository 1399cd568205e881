import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { type Episode, type ReleaseName, readReleaseName, sameEpisode, sameTitle, type Title } from "./release-name.js";

/** Extensions of video files. All other text after a dot belongs to the name: `Harbour.Lights.1x02` keeps its number. */
export const VIDEO_ENDING =
  /\.(?:mkv|mp4|m4v|avi|mov|wmv|webm|mpe?g|ts|m2ts|flv|og[vm]|divx|3gp|rmvb|vob|iso|m3u8|mpd|strm)$/i;

/** Reason for skipping an episode if the job is about a film or a complete series. */
export const EPISODE_NOT_NAMED = "an episode, and the request does not name one, such as S01E02";

/** Film or episode of a job, from its title and the name of its video file. */
export interface WantedWork {
  /** Titles of the job, followed by those of the file. */
  readonly titles: readonly Title[];
  readonly year: number | null;
  readonly episode: Episode | null;
  readonly disc: number | null;
  /** Name of the video file without its extension; empty if there is none. */
  readonly stem: string;
}

export function wantedWork({ videoTitle, videoUrl }: Pick<SubtitleData, "videoTitle" | "videoUrl">): WantedWork {
  const path = videoPathname(videoUrl) ?? "";
  const stem = basename(path).replace(VIDEO_ENDING, "");
  const title = readReleaseName(videoTitle);
  const file = readReleaseName(stem);
  return {
    titles: [...title.titles, ...file.titles],
    year: yearOf(title, file),
    episode: episodeOf(title, file, basename(dirname(path))),
    disc: title.disc ?? file.disc,
    stem,
  };
}

/** Returns the year of the title; if it has none, the year of the file, provided that both have the same title. */
function yearOf(title: ReleaseName, file: ReleaseName): number | null {
  const keys = new Set(title.titles.map(({ key }) => key));
  const sameInFile = file.titles.filter(({ key }) => keys.has(key));
  return [...title.titles, ...sameInFile].find(({ year, mayBeWord }) => year !== null && !mayBeWord)?.year ?? null;
}

/** Returns the title's episode, otherwise the file's. A file that has only a number belongs to the season of its folder. */
function episodeOf(title: ReleaseName, file: ReleaseName, folder: string): Episode | null {
  if (title.episode && !isWholeSeason(title.episode)) return title.episode;
  if (!file.episode) return title.episode;
  const inFolder = /^(?:Season|Series|Staffel|Saison|Temporada|S)[ ._-]?(\d{1,2})$/i.exec(folder)?.[1];
  const season = file.episode.season ?? title.episode?.season ?? (inFolder === undefined ? null : Number(inFolder));
  return { ...file.episode, season: file.episode.date === null ? season : null };
}

function isWholeSeason({ numbers, date }: Episode): boolean {
  return numbers.length === 0 && date === null;
}

/** Returns the title under which a name belongs to the requested film or episode; null if it belongs to another one. */
export function matchingTitle(found: ReleaseName, wanted: WantedWork): Title | null {
  if (!sameEpisode(found.episode, wanted.episode) || found.disc !== wanted.disc) return null;
  return titleOfWork(found.titles, wanted);
}

/** Returns the first of the titles that belongs to the requested film or series, or null. */
export function titleOfWork(found: readonly Title[], { titles, year }: WantedWork): Title | null {
  const isWanted = (title: Title) =>
    (year === null || title.year === null || title.year === year) && titles.some((wanted) => sameTitle(title, wanted));
  return found.find(isWanted) ?? null;
}

/** Returns the number of words that a name shares with the video file's name, for example the release group. */
export function sharedWords(name: string, { stem }: WantedWork): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
  const inName = words(name);
  return [...words(stem)].filter((word) => inName.has(word)).length;
}

/** Returns the `file:` address of an absolute path, and every other address unchanged. */
export function videoAddress(videoUrl: string): string {
  return videoUrl.startsWith("/") ? pathToFileURL(videoUrl).href : videoUrl;
}

/** Returns the decoded path of an address, or null. */
function videoPathname(videoUrl: string): string | null {
  const address = videoAddress(videoUrl);
  if (!URL.canParse(address)) return null;
  try {
    return decodeURIComponent(new URL(address).pathname);
  } catch {
    return null; // The percent sign is not part of an encoded character.
  }
}
