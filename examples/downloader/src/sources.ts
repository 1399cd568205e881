import { constants, type Dirent } from "node:fs";
import { open, readdir, realpath } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { readSubtitleName, type SubtitleName, sameTitle, wantedTitles } from "./subtitle-name.js";

/** A subtitle file for the film that was asked for, in whatever language. */
export interface Candidate extends SubtitleName {
  readonly source: string;
  readonly fileName: string;
  readonly path: string;
}

export interface Found {
  readonly candidates: readonly Candidate[];
  /** Subtitle files looked at. */
  readonly looked: number;
}

/**
 * Where subtitles come from. What is asked for is hostile input: names are compared with those of files that are there,
 * never made into a path, and symbolic links are not followed.
 */
export interface SubtitleSource {
  readonly name: string;
  search(wanted: SubtitleData, signal: AbortSignal): Promise<Found>;
}

/** Deeper than any real library, and an end to folders that contain themselves. */
const DEEPEST_FOLDER = 8;
const LARGEST_SUBTITLE_BYTES = 5 * 1024 * 1024;

/** A folder of subtitles, with folders in it. Throws where it cannot be read: that is no answer to "is it there?" */
export function librarySource(root: string): SubtitleSource {
  return {
    name: "library",
    async search(wanted, signal) {
      const entries: Dirent[] = [];
      for await (const entry of filesBelow(root, DEEPEST_FOLDER, signal)) entries.push(entry);
      return matching("library", entries, wanted);
    },
  };
}

/** The folder of the video itself, for `file:` addresses below one of the media folders. */
export function videoSource(mediaRoots: readonly string[]): SubtitleSource {
  return {
    name: "video",
    async search(wanted) {
      const folder = await folderOfVideo(wanted.videoUrl, mediaRoots);
      if (!folder) return { candidates: [], looked: 0 };
      const entries = await readdir(folder, { withFileTypes: true });
      return matching(
        "video",
        entries.filter((entry) => entry.isFile()),
        wanted,
      );
    },
  };
}

/** The file's content, or null where it is not (or no longer) a subtitle: too large, empty, without a single cue. */
export async function readSubtitle(candidate: Candidate): Promise<Buffer | null> {
  const file = await open(candidate.path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => null);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    if (size > LARGEST_SUBTITLE_BYTES) return null;
    const content = await file.readFile();
    return content.includes("-->") || content.includes(Buffer.from("-->", "utf16le")) ? content : null;
  } finally {
    await file.close();
  }
}

function matching(source: string, entries: readonly Dirent[], wanted: SubtitleData): Found {
  const titles = wantedTitles(wanted.videoTitle, wanted.videoUrl);
  const candidates: Candidate[] = [];
  let looked = 0;
  for (const entry of entries) {
    const name = readSubtitleName(entry.name);
    if (!name) continue;
    looked += 1;
    if (!titles.some((title) => sameTitle(title, name.title))) continue;
    candidates.push({ ...name, source, fileName: entry.name, path: join(entry.parentPath, entry.name) });
  }
  return { candidates, looked };
}

async function* filesBelow(folder: string, depth: number, signal: AbortSignal): AsyncGenerator<Dirent> {
  signal.throwIfAborted();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) yield entry;
    else if (entry.isDirectory() && depth > 1) yield* filesBelow(join(folder, entry.name), depth - 1, signal);
  }
}

/** Null unless the video's folder exists and really lies, links resolved, in a media folder. */
async function folderOfVideo(videoUrl: string, mediaRoots: readonly string[]): Promise<string | null> {
  if (!URL.canParse(videoUrl) || new URL(videoUrl).protocol !== "file:") return null;
  try {
    const folder = await realpath(dirname(fileURLToPath(videoUrl)));
    for (const root of mediaRoots) {
      const real = await realpath(root);
      if (folder === real || folder.startsWith(real.endsWith(sep) ? real : real + sep)) return folder;
    }
  } catch {
    // An address that is no path here, or a folder that is not there: nothing beside it.
  }
  return null;
}
