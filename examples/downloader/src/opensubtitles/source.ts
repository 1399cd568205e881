import { videoPath } from "../sources/media.js";
import type { Candidate, Found, PassedOver, SubtitleSource, Wanted } from "../sources/source.js";
import { videoStem } from "../sources/subtitle-name.js";
import { type OpenSubtitlesClient, PROVIDER } from "./client.js";
import { type Episode, isSameEpisode, isSameFilm, readEpisode } from "./film.js";
import { movieHash } from "./hash.js";
import { languageCodes, languageOfCode } from "./languages.js";
import type { FoundSubtitle } from "./replies.js";

/**
 * OpenSubtitles: by the video file's hash where the file is in one of the media folders, else by title. Subtitles made by
 * machines are passed over: if one is wanted, the translator makes it, and says so.
 */
export function openSubtitlesSource(client: OpenSubtitlesClient, mediaRoots: readonly string[]): SubtitleSource {
  return {
    name: PROVIDER,
    async search(wanted, signal) {
      const languages = languageCodes(wanted.languages);
      const path = await videoPath(wanted.videoUrl, mediaRoots);
      const hash = path && (await movieHash(path));
      const byHash = hash ? await client.search({ moviehash: hash, languages }, signal) : [];
      const sameFile = byHash.filter(({ moviehash_match }) => moviehash_match);
      if (sameFile.length > 0) return sort(sameFile, wanted, client);

      const episode = readEpisode(wanted);
      const query = episode
        ? { query: episode.series, season_number: `${episode.season}`, episode_number: `${episode.episode}`, languages }
        : { query: wanted.videoTitle, languages };
      const byTitle = await client.search(query, signal);
      return sort(
        byTitle.filter((found) => isSameFilm(found, wanted, episode)),
        wanted,
        client,
        episode,
      );
    },
  };
}

function sort(
  subtitles: readonly FoundSubtitle[],
  wanted: Wanted,
  client: OpenSubtitlesClient,
  episode: Episode | null = null,
): Found {
  const candidates: Candidate[] = [];
  const passedOver: PassedOver[] = [];
  for (const found of subtitles) {
    const [file] = found.files;
    const name = found.release || file?.file_name || `subtitle ${found.id}`;
    const language = languageOfCode(found.language ?? "");
    const why = whyPassedOver(found, episode);
    if (why) passedOver.push({ source: PROVIDER, name, why });
    else if (file && language)
      candidates.push(candidateOf(found, { fileId: file.file_id, name, language }, wanted, client));
  }
  return { candidates, passedOver, looked: subtitles.length };
}

function candidateOf(
  found: FoundSubtitle,
  { fileId, name, language }: { readonly fileId: number; readonly name: string; readonly language: string },
  wanted: Wanted,
  client: OpenSubtitlesClient,
): Candidate {
  return {
    source: PROVIDER,
    name,
    language,
    traits: {
      hearingImpaired: found.hearing_impaired ?? false,
      sameFile: found.moviehash_match ?? false,
      sharedWords: sharedWords(name, videoStem(wanted.videoUrl) ?? ""),
      trusted: found.from_trusted ?? false,
      rating: found.ratings,
      downloads: found.download_count,
    },
    read: (signal) => client.download(fileId, signal),
  };
}

function whyPassedOver(found: FoundSubtitle, episode: Episode | null): string | null {
  if (found.foreign_parts_only) return "only for the parts in a foreign language";
  if (found.machine_translated || found.ai_translated) return "translated by a machine";
  if (found.files.length > 1) return `in ${found.files.length} files, for a film that is in one`;
  if (found.files.length === 0) return "without a file";
  if (episode && !isSameEpisode(found, episode)) return "for another episode";
  return null;
}

function sharedWords(name: string, stem: string): number {
  const words = (text: string) =>
    new Set(
      text
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word !== ""),
    );
  const inName = words(name);
  return [...words(stem)].filter((word) => inName.has(word)).length;
}
