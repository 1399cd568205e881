import { realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { videoAddress } from "./wanted-work.js";

/**
 * Returns the folder of a video that is given as a `file:` address or an absolute path. Returns null if it does not exist, or
 * is not in a media folder after links are resolved.
 */
async function videoFolder(videoUrl: string, mediaRoots: readonly string[]): Promise<string | null> {
  if (!isFile(videoUrl)) return null;
  try {
    const folder = await realpath(dirname(fileURLToPath(videoAddress(videoUrl))));
    for (const root of mediaRoots) {
      const real = await realpath(root);
      if (folder === real || folder.startsWith(real.endsWith(sep) ? real : real + sep)) return folder;
    }
  } catch {
    // Returns null for an address that is not a path, and for a folder that does not exist.
  }
  return null;
}

/** Returns true if the video is a `file:` address or an absolute path. */
export function isFile(videoUrl: string): boolean {
  const address = videoAddress(videoUrl);
  return URL.canParse(address) && new URL(address).protocol === "file:";
}

/** Returns the path of such a video, otherwise null. It can be a link, so open it without following links. */
export async function videoPath(videoUrl: string, mediaRoots: readonly string[]): Promise<string | null> {
  const folder = await videoFolder(videoUrl, mediaRoots);
  return folder && join(folder, basename(fileURLToPath(videoAddress(videoUrl))));
}
