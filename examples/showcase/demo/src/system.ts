import { fileURLToPath } from "node:url";

/** Running manager, downloader and translator. */
export interface System extends AsyncDisposable {
  /** Address of the manager. */
  readonly url: string;
  /** Short description for the first line of the demo. */
  readonly about: string;
  /** Returns the last lines of the apps' logs, for the report of a failure. */
  log(): Promise<string>;
}

/** Program of the demo: `npm start` in its folder, with arguments. */
export interface App {
  readonly name: string;
  /** Path below `examples/`. */
  readonly folder: string;
  readonly args: readonly string[];
}

const NAMES = ["manager", "downloader", "translator"];

/** Returns a program of the showcase. Each app is a package. */
export const showcaseApp = (name: string): App => ({ name, folder: `showcase/${name}`, args: [] });
export const showcaseApps = NAMES.map(showcaseApp);

/**
 * Returns a program of the templates. They are one package, whose start command takes the app's name. Without a name, it runs all
 * apps.
 */
export const templateApps = NAMES.map((name): App => ({ name, folder: ".", args: [name] }));
export const allTemplates: App = { name: "service", folder: ".", args: [] };

/** Returns a path below `examples/`. */
export const inExamples = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** Sample library, media folder and translation memory, and a pause after each batch, so that the progress is visible. */
export const samples = {
  library: inExamples("samples/library"),
  media: inExamples("samples/media"),
  translationMemory: inExamples("samples/memory.en-es.tmx"),
  minCoverage: 0.8,
  batchSize: 4,
  pauseMs: 120,
};
