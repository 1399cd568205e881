import { videoPath } from "../sources/media.js";
import { readReleaseName } from "../sources/release-name.js";
import type { Candidate, Found, PassedOver, SubtitleSource, Wanted } from "../sources/source.js";
import { sharedWords, type WantedWork, wantedWork } from "../sources/wanted-work.js";
import { type OpenSubtitlesClient, PROVIDER } from "./client.js";
import { isSameFilm, nameOf, whyOtherEpisode } from "./film.js";
import { movieHash } from "./hash.js";
import { languageCodes, languageOfCode } from "./languages.js";
import type { FoundSubtitle } from "./replies.js";

/**
 * Source that searches OpenSubtitles: by the hash of the video file if it is in a media folder, otherwise by title. It skips
 * machine translations. The translator makes them itself and reports them as such.
 */
export function openSubtitlesSource(client: OpenSubtitlesClient, mediaRoots: readonly string[]): SubtitleSource {
  return {
    name: PROVIDER,
    async search(wanted, signal) {
      const work = wantedWork(wanted);
      const languages = languageCodes(wanted.languages);
      const path = await videoPath(wanted.videoUrl, mediaRoots);
      const hash = path && (await movieHash(path));
      const byHash = hash ? await client.search({ moviehash: hash, languages }, signal) : [];
      const sameFile = sort(
        byHash.filter(({ moviehash_match }) => moviehash_match),
        work,
        client,
      );
      if (sameFile.candidates.length > 0) return sameFile;

      const byTitle = await client.search({ ...queryFor(work, wanted), languages }, signal);
      const found = sort(
        byTitle.filter((one) => isSameFilm(one, work)),
        work,
        client,
      );
      return {
        candidates: found.candidates,
        passedOver: [...sameFile.passedOver, ...found.passedOver],
        looked: sameFile.looked + found.looked,
      };
    },
  };
}

function queryFor({ titles: [title], episode }: WantedWork, { videoTitle }: Wanted): Readonly<Record<string, string>> {
  if (!title) return { query: videoTitle };
  const [number] = episode?.numbers ?? [];
  if (number !== undefined) {
    return { query: title.words, season_number: `${episode?.season ?? 1}`, episode_number: `${number}` };
  }
  return { query: title.year === null ? title.words : `${title.words} ${title.year}` };
}

function sort(subtitles: readonly FoundSubtitle[], work: WantedWork, client: OpenSubtitlesClient) {
  const candidates: Candidate[] = [];
  const passedOver: PassedOver[] = [];
  for (const found of subtitles) {
    const [file] = found.files;
    const name = nameOf(found);
    const language = languageOfCode(found.language ?? "");
    const why = whyPassedOver(found, work);
    if (why) passedOver.push({ source: PROVIDER, name, why });
    else if (file && language)
      candidates.push(candidateOf(found, { fileId: file.file_id, name, language }, work, client));
  }
  return { candidates, passedOver, looked: subtitles.length } satisfies Found;
}

function candidateOf(
  found: FoundSubtitle,
  { fileId, name, language }: { readonly fileId: number; readonly name: string; readonly language: string },
  work: WantedWork,
  client: OpenSubtitlesClient,
): Candidate {
  return {
    source: PROVIDER,
    name,
    language,
    year: found.feature_details?.year ?? null,
    traits: {
      hearingImpaired: found.hearing_impaired ?? false,
      sameFile: found.moviehash_match ?? false,
      sharedWords: sharedWords(name, work),
      trusted: found.from_trusted ?? false,
      rating: found.ratings,
      downloads: found.download_count,
    },
    read: (signal) => client.download(fileId, signal),
  };
}

function whyPassedOver(found: FoundSubtitle, work: WantedWork): string | null {
  if (found.foreign_parts_only) return "only for the parts in a foreign language";
  if (found.machine_translated || found.ai_translated) return "translated by a machine";
  if (found.files.length > 1) return `in ${found.files.length} files, for a film that is in one`;
  if (found.files.length === 0) return "without a file";
  if (readReleaseName(nameOf(found)).disc !== work.disc) return "for another part of the film";
  return whyOtherEpisode(found, work);
}
