import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/rabbitmq.ts", "src/memory.ts", "src/opentelemetry.ts", "src/testing.ts"],
  format: "esm",
  target: "node20",
  dts: true,
  clean: true,
  removeNodeProtocol: false,
});
