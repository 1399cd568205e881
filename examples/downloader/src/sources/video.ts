import { readdir } from "node:fs/promises";
import { matching } from "./folder.js";
import { videoFolder } from "./media.js";
import type { SubtitleSource } from "./source.js";

/** The folder of the video itself, for `file:` addresses below one of the media folders. */
export function videoSource(mediaRoots: readonly string[]): SubtitleSource {
  return {
    name: "video",
    async search(wanted) {
      const folder = await videoFolder(wanted.videoUrl, mediaRoots);
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
