import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { JobFailed } from "@subtitles/queue/worker";
import type { Found, SubtitleSource } from "./source.js";

/** Maximum size of a subtitle file. Subtitles of films are much smaller. */
const MAX_BYTES = 5 * 1024 * 1024;

/** Finds `<title>.<language>.srt` in a folder. */
export function folderSource(folder: string): SubtitleSource {
  return { find: ({ videoTitle, language }) => findFile(folder, `${videoTitle}.${language}.srt`) };
}

/** Finds a file in a folder. The name comes from a client, so it is only compared with the names in the folder and never used as a path. */
export async function findFile(folder: string, name: string): Promise<Found | null> {
  const entries = await readdir(folder, { withFileTypes: true });
  // Links are skipped, because they can lead out of the folder.
  const entry = entries.find((entry) => entry.isFile() && entry.name.normalize() === name.normalize());
  if (entry === undefined) return null;
  const path = join(folder, entry.name);
  if ((await stat(path)).size > MAX_BYTES)
    throw new JobFailed(`${entry.name} is larger than ${MAX_BYTES} bytes.`, { code: "TOO_LARGE" });
  return { name: entry.name, bytes: await readFile(path) };
}
