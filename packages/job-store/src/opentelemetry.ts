export { type InstrumentOptions, instrument } from "./lib/opentelemetry/instrument.js";
