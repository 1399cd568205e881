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
    // An address that is no path here, or a folder that is not there: nothing beside it.
  }
  return null;
}

/** Whether the video is given as a `file:` address or an absolute path. */
export function isFile(videoUrl: string): boolean {
  const address = videoAddress(videoUrl);
  return URL.canParse(address) && new URL(address).protocol === "file:";
}

/** The video's path, under the same condition. It may be a link: open it without following. */
export async function videoPath(videoUrl: string, mediaRoots: readonly string[]): Promise<string | null> {
  const folder = await videoFolder(videoUrl, mediaRoots);
  return folder && join(folder, basename(fileURLToPath(videoAddress(videoUrl))));
}
