import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import type { JobStoreDriver } from "../driver.js";
import { Gauges } from "./gauges.js";
import { InstrumentedStorage } from "./instrumented-storage.js";
import { Telemetry } from "./telemetry.js";

/** Where spans and figures go, and which. */
export interface InstrumentOptions {
  /** @default the one registered with the API */
  readonly tracerProvider?: TracerProvider | undefined;
  /** @default the one registered with the API when the store is created */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * True if this process reports the number of jobs by status, and the number and age of messages in the outbox. Each
   * export then makes four short calls to the store. One process of a service is enough. @default true
   */
  readonly gauges?: boolean | undefined;
}

const INSTRUMENT_OPTIONS: KeysOf<InstrumentOptions> = { tracerProvider: true, meterProvider: true, gauges: true };

const SCOPE = "@subtitles/job-store";

/**
 * Has every call of the stores on this driver traced and measured, in OpenTelemetry's conventions for databases, and
 * carries the trace along with the messages of the outbox.
 *
 * ```ts
 * createJobStore({ job, driver: instrument(redisDriver({ url })) });
 * ```
 *
 * Spans are named `updateStatus <definition>`. Metrics: `db.client.operation.duration`;
 * `subtitles.job.status.duration`, the seconds that a job had been in the status it leaves; `subtitles.job.retries`, jobs
 * that left a final status; and, as gauges, `subtitles.job.count` by status, `subtitles.outbox.depth`,
 * `subtitles.outbox.age`, the seconds that the oldest message has waited, and `subtitles.outbox.rejected`, messages set aside.
 *
 * Start the SDK before the store is created. Data, results and errors of jobs are not recorded; ids and statuses are.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function instrument(driver: JobStoreDriver, options: InstrumentOptions = {}): JobStoreDriver {
  if (typeof driver?.open !== "function") {
    return invalid("instrument needs a driver: redisDriver(…) or memoryDriver().");
  }
  checkOptions(options, INSTRUMENT_OPTIONS, "instrument");
  return {
    name: driver.name,
    readMetadata: () => driver.readMetadata(),
    open: (shape) => {
      const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
      const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
      const storage = driver.open(shape);
      const recorder = new Telemetry(tracer, meter, { system: driver.name, definition: shape.definition });
      const gauges = (options.gauges ?? true) ? new Gauges(meter, storage, shape.definition) : null;
      return new InstrumentedStorage(storage, recorder, {
        finalStatuses: shape.finalStatuses,
        onClose: () => gauges?.stop(),
      });
    },
  };
}
