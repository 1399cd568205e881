import { realpath } from "node:fs/promises";
import { basename, dirname, extname, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { findFile } from "./folder.js";
import type { SubtitleSource } from "./source.js";

/** Finds `<video>.<language>.srt` next to the video. The video must be a path or a `file:` address in the media folder. */
export function besideVideoSource(mediaFolder: string): SubtitleSource {
  return {
    async find({ videoUrl, language }) {
      const video = pathOf(videoUrl);
      const folder = video && (await realpath(dirname(video)).catch(() => null));
      if (!video || !folder) return null;
      // Without this check, a client could read subtitles from any folder of this machine.
      const root = await realpath(mediaFolder);
      if (folder !== root && !folder.startsWith(root + sep)) return null;
      return findFile(folder, `${basename(video, extname(video))}.${language}.srt`);
    },
  };
}

function pathOf(videoUrl: string): string | null {
  if (videoUrl.startsWith("/")) return videoUrl;
  try {
    return fileURLToPath(videoUrl);
  } catch {
    return null; // not a file address
  }
}
