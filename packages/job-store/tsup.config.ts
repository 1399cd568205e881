import { readFile } from "node:fs/promises";
import { defineConfig, type Options } from "tsup";

const entries = [
  "src/index.ts",
  "src/redis.ts",
  "src/memory.ts",
  "src/subtitle.ts",
  "src/opentelemetry.ts",
  "src/testing.ts",
];

/** Loads Lua files as text, without lines that are comments: they are sent to each server. */
const scripts: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "lua",
  setup(build) {
    build.onLoad({ filter: /\.lua$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      return { loader: "text", contents: text.replace(/^ *--.*\n|^\n/gm, "") };
    });
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
  esbuildPlugins: [scripts],
});
