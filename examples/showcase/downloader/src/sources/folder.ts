import { constants, type Dirent } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { languageFit } from "@showcase/contracts/language";
import { LARGEST_SUBTITLE_BYTES } from "../content/limits.js";
import { sameEpisode } from "./release-name.js";
import type { Candidate, Found, PassedOver, Wanted } from "./source.js";
import { readSubtitleName, type SubtitleName } from "./subtitle-name.js";
import { titleKey } from "./title-key.js";
import {
  EPISODE_NOT_NAMED,
  matchingTitle,
  sharedWords,
  titleOfWork,
  type WantedWork,
  wantedWork,
} from "./wanted-work.js";

/** Files of one folder. */
export interface FolderFiles {
  readonly entries: readonly Dirent[];
  /**
   * `library`: files of any film. `beside`: the folder of the video, so a file with the video's name belongs to it. `own`: only
   * subtitles of this video, so a name with only the language is enough.
   */
  readonly place: "library" | "beside" | "own";
}

/** Returns the files that are subtitles for the film or episode. */
export function matching(source: string, folders: readonly FolderFiles[], wanted: Wanted): Found {
  const work = wantedWork(wanted);
  const candidates: Candidate[] = [];
  const passedOver: PassedOver[] = [];
  let looked = 0;
  for (const { entries, place } of folders) {
    for (const entry of entries) {
      const readings = readSubtitleName(entry.name);
      if (readings.length === 0) continue;
      looked += 1;
      const inLanguage = readings.filter(canBeIn(wanted.language));
      const match = firstMatch(inLanguage, work, place);
      if (!match) {
        if (inLanguage.some(isEpisodeOf(work))) passedOver.push({ source, name: entry.name, why: EPISODE_NOT_NAMED });
        continue;
      }
      const { name, year, sameFile } = match;
      const path = join(entry.parentPath, entry.name);
      candidates.push({
        source,
        name: entry.name,
        language: name.language ?? wanted.language,
        languageAssumed: name.language === null,
        year,
        traits: { hearingImpaired: name.hearingImpaired, sameFile, sharedWords: sharedWords(name.stem, work) },
        read: () => readFileWithin(path),
      });
    }
  }
  return { candidates, passedOver, looked };
}

/** Returns true unless the name contains only the language of the sound, and that is not the requested one. */
const canBeIn =
  (asked: string) =>
  ({ language, soundLanguage }: SubtitleName) =>
    language !== null || soundLanguage === null || languageFit(soundLanguage, asked) > 0;

/** Returns true if the file is an episode of a series with the requested title, and the job has no episode. */
const isEpisodeOf =
  (work: WantedWork) =>
  ({ release }: SubtitleName) =>
    work.episode === null && release.episode !== null && titleOfWork(release.titles, work) !== null;

function firstMatch(readings: readonly SubtitleName[], work: WantedWork, place: FolderFiles["place"]) {
  for (const name of readings) {
    const { release, stem, language } = name;
    const sameFile = place !== "library" && isOfFile(name, work);
    const title = matchingTitle(release, work);
    if (sameFile || title) return { name, year: title?.year ?? null, sameFile };
    if (place === "own" && language !== null && /^\d*$/.test(stem)) return { name, year: null, sameFile: true };
  }
  return null;
}

/** Returns true if the subtitle has the video's name. If its name contains an episode, that must be the requested one. */
function isOfFile({ stem, release }: SubtitleName, { stem: video, episode }: WantedWork): boolean {
  const key = titleKey(stem);
  return key !== "" && key === titleKey(video) && (release.episode === null || sameEpisode(release.episode, episode));
}

/** Returns the content of a file. Null if it is not (or no longer) a regular file, or too large. */
async function readFileWithin(path: string): Promise<Uint8Array | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    const stat = await file.stat();
    return stat.isFile() && stat.size <= LARGEST_SUBTITLE_BYTES ? await file.readFile() : null;
  } finally {
    await file.close();
  }
}
