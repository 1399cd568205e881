import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { matching } from "./folder.js";
import type { SubtitleSource } from "./source.js";

/** Deeper than any real library, and an end to folders that contain themselves. */
const DEEPEST_FOLDER = 8;

/** A folder of subtitles, with folders in it. */
export function librarySource(root: string): SubtitleSource {
  return {
    name: "library",
    async search(wanted, signal) {
      const entries: Dirent[] = [];
      for await (const entry of filesBelow(root, DEEPEST_FOLDER, signal)) entries.push(entry);
      return matching("library", [{ entries, place: "library" }], wanted);
    },
  };
}

async function* filesBelow(folder: string, depth: number, signal: AbortSignal): AsyncGenerator<Dirent> {
  signal.throwIfAborted();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) yield entry;
    else if (entry.isDirectory() && depth > 1) yield* filesBelow(join(folder, entry.name), depth - 1, signal);
  }
}
