import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { readTitle, sameTitle, type Title, videoStem } from "../sources/subtitle-name.js";
import type { FoundSubtitle } from "./replies.js";

export interface Episode {
  readonly series: string;
  readonly season: number;
  readonly episode: number;
}

const EPISODE = /\bS(\d{1,2})[ ._-]?E(\d{1,3})\b/i;

/** The episode that a title (`Harbour Lights S01E02`) or else the video's file name speaks of; null for a film. */
export function readEpisode({ videoTitle, videoUrl }: SubtitleData): Episode | null {
  for (const text of [videoTitle, videoStem(videoUrl) ?? ""]) {
    const match = EPISODE.exec(text);
    if (!match) continue;
    const [, season, episode] = match;
    const series = readTitle((text === videoTitle ? text : videoTitle).split(EPISODE)[0] ?? "").words;
    if (series) return { series, season: Number(season), episode: Number(episode) };
  }
  return null;
}

/** Whether a subtitle is for the film or series that was asked for: a search by title finds similar ones too. */
export function isSameFilm(found: FoundSubtitle, { videoTitle }: SubtitleData, episode: Episode | null): boolean {
  const wanted = episode ? readTitle(episode.series) : readTitle(videoTitle);
  const { feature_details: feature, release } = found;
  const year = feature?.year ? String(feature.year) : null;
  const names = [feature?.title, feature?.original_title, feature?.parent_title].filter(
    (name) => typeof name === "string",
  );
  if (names.length === 0) return startsWith(readTitle(release ?? ""), wanted);
  return names.some((name) => sameTitle({ words: readTitle(name).words, year }, wanted));
}

export function isSameEpisode({ feature_details: feature }: FoundSubtitle, { season, episode }: Episode): boolean {
  return feature?.season_number === season && feature.episode_number === episode;
}

function startsWith({ words }: Title, wanted: Title): boolean {
  return words === wanted.words || words.startsWith(`${wanted.words} `);
}
