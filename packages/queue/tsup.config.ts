import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["index", "rabbitmq", "memory", "worker", "opentelemetry", "testing"].map((name) => `src/${name}.ts`),
  format: "esm",
  target: "node20",
  // The declarations use AsyncDisposable, which the user's lib may lack.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
  removeNodeProtocol: false,
});
