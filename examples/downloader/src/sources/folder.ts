import { constants, type Dirent } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { LARGEST_SUBTITLE_BYTES } from "../content/limits.js";
import type { Candidate, Found, Wanted } from "./source.js";
import { readSubtitleName, sameTitle, wantedTitles } from "./subtitle-name.js";

/** Those of a folder's files that are subtitles for the film. */
export function matching(source: string, entries: readonly Dirent[], wanted: Wanted): Found {
  const titles = wantedTitles(wanted.videoTitle, wanted.videoUrl);
  const candidates: Candidate[] = [];
  let looked = 0;
  for (const entry of entries) {
    const name = readSubtitleName(entry.name);
    if (!name) continue;
    looked += 1;
    if (!titles.some((title) => sameTitle(title, name.title))) continue;
    const path = join(entry.parentPath, entry.name);
    candidates.push({
      source,
      name: entry.name,
      language: name.language,
      traits: { hearingImpaired: name.hearingImpaired },
      read: () => readFileWithin(path),
    });
  }
  return { candidates, looked };
}

/** The file's content; null where it is not (or no longer) a plain file of reasonable size. */
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
