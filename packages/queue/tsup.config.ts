import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/rabbitmq.ts", "src/memory.ts", "src/opentelemetry.ts", "src/testing.ts"],
  format: "esm",
  target: "node20",
  // The declarations use AsyncDisposable, which the user's lib may lack.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
  removeNodeProtocol: false,
});
