import { checkInteger, checkOptions, invalid, type KeysOf, show } from "./arguments.js";
import { checkDefinition, isTtl, type JobDefinition, type StatusOf, TTL_RANGE } from "./definition.js";
import { describeDefinition } from "./description.js";
import type { JobStoreDriver, StoreShape } from "./driver.js";
import { computedIndex } from "./index-values.js";
import { DefaultJobStore } from "./job-store.js";
import type { JobStore, StoreEvent } from "./types.js";

/** What `createJobStore` takes. */
export interface JobStoreOptions<D extends JobDefinition> {
  /** What is kept: made by `defineJob`. */
  readonly job: D;
  /** Required: losing jobs on exit must be a choice. */
  readonly driver: JobStoreDriver;
  /** Overrides the definition's TTLs, in seconds; 0: keep for ever. */
  readonly ttlSeconds?: { readonly [S in StatusOf<D>]?: number | undefined } | undefined;
  /** Status changes kept per job, the newest; 0–10,000. @default 32 */
  readonly historyLimit?: number | undefined;
  /** Validate what is read against the schema. @default true */
  readonly validateReads?: boolean | undefined;
  /**
   * Maximum size of a record in bytes of JSON, 1024–536,870,912. A larger one is INVALID_DATA. Redis serves no other client
   * during a change, and a change of a record of 4 MiB takes about 25 ms.
   * @default 4_194_304
   */
  readonly maxRecordBytes?: number | undefined;
  /** For logs: connection lost and regained, degraded and why. An error thrown here never reaches the store. */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

const STORE_OPTIONS: KeysOf<JobStoreOptions<JobDefinition>> = {
  job: true,
  driver: true,
  ttlSeconds: true,
  historyLimit: true,
  validateReads: true,
  maxRecordBytes: true,
  onEvent: true,
};

/**
 * Opens a store of one kind of job. Returns at once: a driver connects in the background, and the first calls wait for
 * it within their time.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function createJobStore<D extends JobDefinition>(options: JobStoreOptions<D>): JobStore<D> {
  if (typeof options?.job?.statuses !== "object" || !("result" in options.job)) {
    return invalid("createJobStore needs a `job` made by defineJob.");
  }
  if (typeof options.driver?.open !== "function") {
    return invalid("createJobStore needs a `driver`: redisDriver(…) or memoryDriver().");
  }
  checkOptions(options, STORE_OPTIONS, "createJobStore");
  const { job, driver, validateReads = true } = options;
  return new DefaultJobStore(job, resolveConfig(options), driver, { validateReads, index: computedIndex(job) });
}

/** What a driver learns of a store with these options. @throws JobStoreError INVALID_ARGUMENT */
function resolveConfig<D extends JobDefinition>(options: Omit<JobStoreOptions<D>, "driver">): StoreShape {
  const { job, onEvent } = options;
  checkDefinition(job);
  const ttlMs = resolveTtls(job, options.ttlSeconds ?? {});
  return {
    definition: job.name,
    statuses: Object.keys(job.statuses),
    finalStatuses: Object.entries(job.statuses).flatMap(([status, rule]) => (rule.final === true ? [status] : [])),
    initial: job.initial,
    sources: sourcesOf(job),
    fields: Object.keys(job.index ?? {}),
    ttlMs,
    maxCount: new Map(
      Object.entries(job.statuses).flatMap(([status, { maxCount }]) =>
        maxCount === undefined ? [] : [[status, maxCount] as const],
      ),
    ),
    historyLimit: checkInteger(options.historyLimit ?? 32, "historyLimit", 0, 10_000),
    maxRecordBytes: checkInteger(options.maxRecordBytes ?? 4_194_304, "maxRecordBytes", 1024, 536_870_912),
    description: describeDefinition(job, ttlMs),
    emit: emitter(onEvent),
  };
}

/** Calls a listener for events. An error of the listener never reaches the store. */
export function emitter(onEvent: ((event: StoreEvent) => void) | undefined): StoreShape["emit"] {
  return (event) => {
    try {
      onEvent?.(event);
    } catch {
      // A logger that fails must not fail the store.
    }
  };
}

/** For each status, those from which a job can be moved to it. */
export function sourcesOf({ statuses }: JobDefinition): ReadonlyMap<string, readonly string[]> {
  const rules = Object.entries(statuses);
  return new Map(rules.map(([to]) => [to, rules.flatMap(([from, { next }]) => (next.includes(to) ? [from] : []))]));
}

function resolveTtls(
  job: JobDefinition,
  overrides: { readonly [status: string]: number | undefined },
): ReadonlyMap<string, number> {
  const stranger = Object.keys(overrides).find((status) => !Object.hasOwn(job.statuses, status));
  if (stranger !== undefined) invalid(`ttlSeconds names ${show(stranger)}, which is no status of "${job.name}".`);
  return new Map(
    Object.entries(job.statuses).map(([status, rule]) => {
      const override = Object.hasOwn(overrides, status) ? overrides[status] : undefined;
      const seconds = override ?? rule.ttlSeconds ?? 0;
      if (!isTtl(seconds)) invalid(`ttlSeconds.${status} must be ${TTL_RANGE}, and is ${show(seconds)}.`);
      return [status, Math.round(seconds * 1000)];
    }),
  );
}
