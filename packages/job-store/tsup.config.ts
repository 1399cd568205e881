import { defineConfig } from "tsup";

const entries = [
  "src/index.ts",
  "src/redis.ts",
  "src/memory.ts",
  "src/subtitle.ts",
  "src/opentelemetry.ts",
  "src/testing.ts",
];

export default defineConfig({
  entry: [...entries, "src/cli.ts"],
  format: "esm",
  target: "node20",
  // Without the prefix, bundlers for browsers replace a built-in module by an npm package of the same name.
  removeNodeProtocol: false,
  // The declarations use AsyncDisposable, which the user's lib may lack.
  dts: { entry: entries, banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
  loader: { ".lua": "text" },
});
