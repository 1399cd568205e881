import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type FolderFiles, matching } from "./folder.js";
import { isFile, videoPath } from "./media.js";
import type { SubtitleSource } from "./source.js";
import { titleKey } from "./title-key.js";
import { VIDEO_ENDING, wantedWork } from "./wanted-work.js";

const SUBTITLE_FOLDER = /^(?:subs?|subtitles?)$/i;
const EXTRA = /(?<!\p{L})(?:sample|trailer)(?!\p{L})/iu;

/**
 * Source that searches the folder of the video and a `Subs` folder in it. The video must be a `file:` address or an absolute
 * path in one of the media folders.
 */
export function videoSource(mediaRoots: readonly string[]): SubtitleSource {
  return {
    name: "video",
    async search(wanted) {
      const path = await videoPath(wanted.videoUrl, mediaRoots);
      if (!path) {
        const why = "the video is not in one of the downloader's media folders (MEDIA_PATH)";
        const { videoUrl } = wanted;
        return {
          candidates: [],
          passedOver: isFile(videoUrl) ? [{ source: "video", name: videoUrl, why }] : [],
          looked: 0,
        };
      }
      const folder = join(path, "..");
      const entries = await entriesOf(folder);
      const videos = entries.filter(({ name }) => VIDEO_ENDING.test(name) && !EXTRA.test(name));
      const isOnly = videos.length === 1 && videos[0]?.name === basename(path);
      const folders: FolderFiles[] = [{ entries: filesIn(entries), place: "beside" }];
      for (const { name } of foldersIn(entries).filter(({ name }) => SUBTITLE_FOLDER.test(name))) {
        const within = await entriesOf(join(folder, name));
        folders.push({ entries: filesIn(within), place: isOnly ? "own" : "beside" });
        // `Subs/<name of the video>/2_English.srt`
        const stem = titleKey(wantedWork(wanted).stem);
        for (const { name: inner } of foldersIn(within).filter((one) => stem !== "" && titleKey(one.name) === stem)) {
          folders.push({ entries: filesIn(await entriesOf(join(folder, name, inner))), place: "own" });
        }
      }
      return matching("video", folders, wanted);
    },
  };
}

/** Returns the entries sorted by name, so that the choice between equal candidates is the same on every system. */
async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

const filesIn = (entries: readonly Dirent[]) => entries.filter((entry) => entry.isFile());
const foldersIn = (entries: readonly Dirent[]) => entries.filter((entry) => entry.isDirectory());
