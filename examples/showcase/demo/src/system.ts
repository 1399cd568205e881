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

/** A program of the demo: `npm start` in its folder, with arguments. */
export interface App {
  readonly name: string;
  /** Path below `examples/`. */
  readonly folder: string;
  readonly args: readonly string[];
}

const NAMES = ["manager", "downloader", "translator"];

/** Apps of the showcase: each is a package. */
export const showcaseApp = (name: string): App => ({ name, folder: `showcase/${name}`, args: [] });
export const showcaseApps = NAMES.map(showcaseApp);

/** Apps of the templates: one package, whose start command takes the name. Without a name, it runs all of them. */
export const templateApps = NAMES.map((name): App => ({ name, folder: ".", args: [name] }));
export const allTemplates: App = { name: "service", folder: ".", args: [] };

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
