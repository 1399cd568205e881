import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { matching } from "./folder.js";
import type { SubtitleSource } from "./source.js";

/** Maximum depth of folders. It also ends the search in a folder that contains itself. */
const DEEPEST_FOLDER = 8;

/** Source that searches a folder and the folders in it. */
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
