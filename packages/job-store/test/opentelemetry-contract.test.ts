import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { memoryDriver } from "../src/memory.js";
import { instrument } from "../src/opentelemetry.js";
import { testDriver } from "../src/testing.js";

// To be instrumented changes nothing. Without a propagator messages stay as they are, too.
const tracerProvider = new BasicTracerProvider();

testDriver("instrumented memory", async () => ({ driver: instrument(memoryDriver(), { tracerProvider }) }));
