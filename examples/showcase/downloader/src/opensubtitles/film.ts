import { type Episode, readReleaseName, sameEpisode, type Title } from "../sources/release-name.js";
import { titleKey } from "../sources/title-key.js";
import { EPISODE_NOT_NAMED, titleOfWork, type WantedWork } from "../sources/wanted-work.js";
import type { FoundSubtitle } from "./replies.js";

/** Returns true if a subtitle is for the requested film or series. A search by title also finds similar ones. */
export function isSameFilm(found: FoundSubtitle, wanted: WantedWork): boolean {
  const { feature_details: feature } = found;
  const names = (
    isEpisode(found) && feature?.parent_title ? [feature.parent_title] : [feature?.title, feature?.original_title]
  )
    .filter((name) => typeof name === "string")
    .map((name) => titleWith(name, feature?.year ?? null));
  const titles = names.length > 0 ? names : readReleaseName(nameOf(found)).titles;
  if (!wanted.episode) return titleOfWork(titles, wanted) !== null;
  // An episode has the year in which it was shown: the year of the series or a later one, and a close one in the first season.
  const yearsLater = wanted.year !== null && typeof feature?.year === "number" ? feature.year - wanted.year : 0;
  const isOtherSeries = yearsLater < 0 || (yearsLater > 2 && (wanted.episode.season ?? 1) === 1);
  const withoutYear = titles.map((title) => ({ ...title, year: null }));
  return !isOtherSeries && titleOfWork(withoutYear, wanted) !== null;
}

/** Returns the reason why a subtitle is not for the requested episode or film; null if it is. */
export function whyOtherEpisode(found: FoundSubtitle, wanted: WantedWork): string | null {
  const { episode } = wanted;
  const { feature_details: feature, moviehash_match: byHash } = found;
  if (!isEpisode(found)) return episode && !byHash ? "not an episode" : null;
  if (!episode) return byHash ? null : EPISODE_NOT_NAMED;
  const { season_number: season, episode_number: number } = feature ?? {};
  const [first] = episode.numbers;
  if (typeof number === "number" && (number !== first || (season ?? 1) !== (episode.season ?? 1))) {
    return "for another episode";
  }
  // Only the release's name distinguishes a double episode from a single one. It may have no number, or count differently.
  const named = readReleaseName(nameOf(found)).episode;
  const isPrecise = isNumbered(named);
  const isOtherSeason = typeof named?.season === "number" && named.season !== (episode.season ?? 1);
  if (isOtherSeason || (isPrecise && !sameEpisode(named, episode))) return "for another episode";
  if (!isPrecise && (typeof number !== "number" || episode.numbers.length !== 1))
    return "not certainly for this episode";
  return null;
}

export function nameOf({ release, files, id }: FoundSubtitle): string {
  return release || files[0]?.file_name || `subtitle ${id}`;
}

function isEpisode(found: FoundSubtitle): boolean {
  const { feature_details: feature } = found;
  const { feature_type: type, parent_title, season_number, episode_number } = feature ?? {};
  if (type === "Episode" || parent_title || season_number || episode_number) return true;
  const named = readReleaseName(nameOf(found)).episode;
  // A film can have ` - 02` in its name although the service lists it as a film.
  return type === "Movie" ? isNumbered(named) : named !== null;
}

/** Returns true if the episode has both a season and a number. */
function isNumbered(episode: Episode | null): boolean {
  return episode !== null && episode.season !== null && episode.numbers.length > 0;
}

function titleWith(name: string, year: number | null): Title {
  const words = name.replace(/\s*[([]\d{4}[)\]]$/, "");
  return { key: titleKey(words), words, year, mayBeWord: false };
}
