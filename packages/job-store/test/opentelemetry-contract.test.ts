import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { memoryDriver } from "../src/memory.js";
import { instrument } from "../src/opentelemetry.js";
import { testDriver } from "../src/testing.js";

// An instrumented driver passes the same conformance tests. Without a propagator, messages are not changed either.
const tracerProvider = new BasicTracerProvider();

testDriver("instrumented memory", async () => ({ driver: instrument(memoryDriver(), { tracerProvider }) }));
