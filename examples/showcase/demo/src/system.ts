import { fileURLToPath } from "node:url";

/** Manager, downloader and translator, running somewhere. */
export interface System extends AsyncDisposable {
  /** Where the manager answers. */
  readonly url: string;
  /** In a few words, for the demo's first line. */
  readonly about: string;
  /** The apps' last words, for when something went wrong. */
  log(): Promise<string>;
}

/** A path below `examples/`. */
export const inExamples = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The sample library, media folder and translation memory, and how slowly to go so that someone can watch. */
export const samples = {
  library: inExamples("samples/library"),
  media: inExamples("samples/media"),
  translationMemory: inExamples("samples/memory.en-es.tmx"),
  minCoverage: 0.8,
  batchSize: 4,
  pauseMs: 120,
};
