import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/redis.ts", "src/memory.ts", "src/subtitle.ts", "src/opentelemetry.ts", "src/testing.ts"],
  format: "esm",
  target: "node20",
  dts: true,
  clean: true,
  loader: { ".lua": "text" },
});
