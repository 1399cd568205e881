import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { type Episode, type ReleaseName, readReleaseName, sameEpisode, sameTitle, type Title } from "./release-name.js";

/** The endings of video files, so that `Harbour.Lights.1x02` keeps its number. */
export const VIDEO_ENDING =
  /\.(?:mkv|mp4|m4v|avi|mov|wmv|webm|mpe?g|ts|m2ts|flv|og[vm]|divx|3gp|rmvb|vob|iso|m3u8|mpd|strm)$/i;

/** Why an episode is passed over if the job is about a film, or about a series as a whole. */
export const EPISODE_NOT_NAMED = "an episode, and the request does not name one, such as S01E02";

/** The film or episode that a job is about, from its title and the name of its video file. */
export interface WantedWork {
  /** The title of the job first, then the one of the file. */
  readonly titles: readonly Title[];
  readonly year: number | null;
  readonly episode: Episode | null;
  readonly disc: number | null;
  /** The video file's name without its ending; empty if there is none. */
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

/** The year of the title; if it has none, that of the file, if both have the same title. */
function yearOf(title: ReleaseName, file: ReleaseName): number | null {
  const keys = new Set(title.titles.map(({ key }) => key));
  const sameInFile = file.titles.filter(({ key }) => keys.has(key));
  return [...title.titles, ...sameInFile].find(({ year, mayBeWord }) => year !== null && !mayBeWord)?.year ?? null;
}

/** The title's episode, or else the file's. A file that has only a number is of the season that its folder names. */
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

/** The title by which a name is of the wanted film or episode; null if it is of another one. */
export function matchingTitle(found: ReleaseName, wanted: WantedWork): Title | null {
  if (!sameEpisode(found.episode, wanted.episode) || found.disc !== wanted.disc) return null;
  return titleOfWork(found.titles, wanted);
}

/** The first of the titles that is one of the wanted film or series. */
export function titleOfWork(found: readonly Title[], { titles, year }: WantedWork): Title | null {
  const isWanted = (title: Title) =>
    (year === null || title.year === null || title.year === year) && titles.some((wanted) => sameTitle(title, wanted));
  return found.find(isWanted) ?? null;
}

/** How many words of the video file's name, such as its release group, another name has. */
export function sharedWords(name: string, { stem }: WantedWork): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
  const inName = words(name);
  return [...words(stem)].filter((word) => inName.has(word)).length;
}

/** The `file:` address of an absolute path; every other address as it is. */
export function videoAddress(videoUrl: string): string {
  return videoUrl.startsWith("/") ? pathToFileURL(videoUrl).href : videoUrl;
}

/** The decoded path in an address; null if there is none. */
function videoPathname(videoUrl: string): string | null {
  const address = videoAddress(videoUrl);
  if (!URL.canParse(address)) return null;
  try {
    return decodeURIComponent(new URL(address).pathname);
  } catch {
    return null; // a percent sign that encodes nothing
  }
}
