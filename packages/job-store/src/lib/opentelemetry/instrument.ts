import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import type { JobStoreDriver } from "../driver.js";
import { InstrumentedStorage } from "./instrumented-storage.js";
import { Gauges, Telemetry } from "./telemetry.js";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Provider of the tracer. @default the provider that is registered with the API when the store is created */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Provider of the meter. @default the provider that is registered with the API when the store is created */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * True if this process reports the number of jobs by status, the number and age of messages in the outbox, the paused queues and the live
   * workers. Each export then makes seven short calls to the store. One process of a service is enough. @default true
   */
  readonly gauges?: boolean | undefined;
}

const INSTRUMENT_OPTIONS: KeysOf<InstrumentOptions> = { tracerProvider: true, meterProvider: true, gauges: true };

const SCOPE = "@subtitles/job-store";

/**
 * Wraps a driver so that every call of its stores is traced and measured, in OpenTelemetry's conventions for databases. The trace
 * context is stored in the headers of outbox messages.
 *
 * ```ts
 * createJobStore({ job, driver: instrument(redisDriver({ url })) });
 * ```
 *
 * Spans are named `updateStatus <definition>`. Metrics: `db.client.operation.duration`;
 * `subtitles.job.status.duration`, the time in seconds that a job spent in the status that it leaves;
 * `subtitles.job.retries`, the number of jobs that left a final status. Gauges: `subtitles.jobs` by status;
 * `subtitles.outbox.depth`; `subtitles.outbox.age`, the time in seconds that the oldest message has waited;
 * `subtitles.outbox.scheduled`, the number of delayed messages that are not due yet;
 * `subtitles.outbox.rejected`, the number of rejected entries; `subtitles.queue.paused`, 1 for each paused queue; `subtitles.workers`, the
 * number of live workers by queue and state.
 *
 * Start the SDK before the store is created. Ids and statuses of jobs are recorded; data, results and errors are not.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function instrument(driver: JobStoreDriver, options: InstrumentOptions = {}): JobStoreDriver {
  if (typeof driver?.open !== "function") {
    return invalid("`instrument` requires a driver: redisDriver(…) or memoryDriver().");
  }
  checkOptions(options, INSTRUMENT_OPTIONS, "instrument");
  return {
    name: driver.name,
    readMetadata: () => driver.readMetadata(),
    open: (config) => {
      const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
      const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
      const storage = driver.open(config);
      const telemetry = new Telemetry(tracer, meter, { system: driver.name, definition: config.definition });
      const gauges = (options.gauges ?? true) ? new Gauges(meter, storage, config.definition) : null;
      return new InstrumentedStorage(storage, telemetry, {
        config,
        onClose: () => gauges?.stop(),
      });
    },
  };
}
