import { readFile } from "node:fs/promises";
import { defineConfig, type Options } from "tsup";
import { PAGE_MODULE, pageModule, withoutComments } from "./sources.config.js";

const entries = [
  "src/index.ts",
  "src/redis.ts",
  "src/memory.ts",
  "src/subtitle.ts",
  "src/dashboard.ts",
  "src/opentelemetry.ts",
  "src/testing.ts",
];

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Imports Lua scripts as text. */
const scripts: Plugin = {
  name: "lua",
  setup(build) {
    build.onLoad({ filter: /\.lua$/ }, async ({ path }) => ({
      loader: "text",
      contents: withoutComments(await readFile(path, "utf8")),
    }));
  },
};

/** Makes the page of the dashboard a part of its entry, so that it needs no files of its own. */
const page: Plugin = {
  name: "page",
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${PAGE_MODULE}$`) }, ({ path }) => ({ path, namespace: PAGE_MODULE }));
    build.onLoad({ filter: /./, namespace: PAGE_MODULE }, async () => ({ contents: await pageModule() }));
  },
};

export default defineConfig({
  entry: [...entries, "src/cli.ts"],
  format: "esm",
  target: "node20",
  // Without the prefix, bundlers for browsers replace a built-in module by an npm package of the same name.
  removeNodeProtocol: false,
  // The declarations use AsyncDisposable, which the user's lib may lack.
  dts: { entry: entries, banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
  esbuildPlugins: [scripts, page],
});
