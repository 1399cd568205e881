import { checkInteger, checkOptions, invalid, type KeysOf, show } from "../arguments.js";
import { checkDefinition, isTtl, type JobDefinition, type StatusOf, TTL_RANGE } from "../definition.js";
import type { JobStoreDriver, SendRule, StoreConfig, TimeoutRule } from "../driver.js";
import type { StoreEvent } from "../events.js";
import { timeoutTarget } from "../status-rule.js";
import type { JobStore } from "../types.js";
import { StoreEvents } from "./events.js";
import { computedIndex } from "./index-values.js";
import { DefaultJobStore } from "./job-store.js";

/** Options of `createJobStore`. */
export interface JobStoreOptions<D extends JobDefinition> {
  /** Definition of the jobs, made by `defineJob`. */
  readonly job: D;
  /** Storage of the jobs. Required, because the loss of all jobs on exit must be an explicit choice. */
  readonly driver: JobStoreDriver;
  /**
   * TTLs by status, in seconds, which replace those of the definition. 0: without expiry. They apply to jobs that enter the status from then
   * on. @default the TTLs of the definition
   */
  readonly ttlSeconds?: { readonly [S in StatusOf<D>]?: number | undefined } | undefined;
  /** Maximum number of status changes kept per job, 0–10,000. The newest are kept. @default 32 */
  readonly historyLimit?: number | undefined;
  /** Validates stored data against the schemas when it is read. @default true */
  readonly validateReads?: boolean | undefined;
  /**
   * Maximum size of a record in bytes of JSON, 1,024–536,870,912. A call that stores data, progress or a result in a larger record fails with
   * INVALID_DATA. A change of the status that stores neither may exceed it by 64 KiB, so a job at the limit can still be claimed, moved and
   * failed. Redis serves no other client during a change, and a change of a record of 4 MiB takes about 25 ms.
   * @default 4_194_304
   */
  readonly maxRecordBytes?: number | undefined;
  /**
   * False: this store does not take part in enforcing the timeouts of the definition, for example in a tool or a dashboard.
   * @default true
   */
  readonly timeouts?: boolean | undefined;
  /**
   * Receives events for logs: connection lost, connection restored, degraded with the reason, repairs. An error thrown by this
   * function is ignored.
   */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

const STORE_OPTIONS: KeysOf<JobStoreOptions<JobDefinition>> = {
  job: true,
  driver: true,
  ttlSeconds: true,
  historyLimit: true,
  validateReads: true,
  maxRecordBytes: true,
  timeouts: true,
  onEvent: true,
};

/**
 * Opens a store of one type of job. Returns at once: the driver connects in the background, and the first calls wait for the
 * connection within their timeout.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function createJobStore<D extends JobDefinition>(options: JobStoreOptions<D>): JobStore<D> {
  if (typeof options?.job?.statuses !== "object" || !("result" in options.job)) {
    return invalid("`createJobStore` requires a `job` made by defineJob.");
  }
  if (typeof options.driver?.open !== "function") {
    return invalid("`createJobStore` requires a `driver`: redisDriver(…) or memoryDriver().");
  }
  checkOptions(options, STORE_OPTIONS, "createJobStore");
  const { job, driver, validateReads = true, timeouts = true } = options;
  for (const [name, value] of Object.entries({ validateReads, timeouts })) {
    if (typeof value !== "boolean") return invalid(`\`${name}\` must be true or false (got ${show(value)}).`);
  }
  const events = new StoreEvents(options.onEvent);
  const config = resolveConfig(options, events.emit);
  const index = computedIndex(job);
  const store = new DefaultJobStore(job, config, driver, { validateReads, index, enforcesTimeouts: timeouts });
  events.attachTo(store);
  return store;
}

/** Default of `maxRecordBytes`. */
export const MAX_RECORD_BYTES = 4_194_304;

/** Checks the options and returns the configuration for the driver. @throws JobStoreError INVALID_ARGUMENT */
function resolveConfig<D extends JobDefinition>(
  options: Omit<JobStoreOptions<D>, "driver" | "onEvent">,
  emit: StoreConfig["emit"],
): StoreConfig {
  const { job } = options;
  checkDefinition(job);
  const ttlMs = resolveTtls(job, options.ttlSeconds ?? {});
  return {
    ...lifecycleConfig(job),
    fields: Object.keys(job.index ?? {}),
    ttlMs,
    maxCount: new Map(
      Object.entries(job.statuses).flatMap(([status, { maxCount }]) =>
        maxCount === undefined ? [] : [[status, maxCount] as const],
      ),
    ),
    historyLimit: checkInteger(options.historyLimit ?? 32, "historyLimit", 0, 10_000),
    maxRecordBytes: checkInteger(options.maxRecordBytes ?? MAX_RECORD_BYTES, "maxRecordBytes", 1024, 536_870_912),
    description: describeDefinition(job, ttlMs),
    emit,
  };
}

/** Returns the part of the configuration that only the lifecycle of the definition determines. */
export function lifecycleConfig(job: JobDefinition) {
  const rules = Object.entries(job.statuses);
  return {
    definition: job.name,
    statuses: rules.map(([status]) => status),
    finalStatuses: rules.flatMap(([status, { final }]) => (final === true ? [status] : [])),
    initial: job.initial,
    sources: new Map(rules.map(([to]) => [to, rules.flatMap(([from, { next }]) => (next.includes(to) ? [from] : []))])),
    sends: sendsOf(job),
    timeouts: timeoutsOf(job),
  };
}

/** Returns the messages of each status for the driver. */
function sendsOf({ statuses }: JobDefinition): StoreConfig["sends"] {
  return new Map(
    Object.entries(statuses).flatMap(([status, { sends = [] }]) => {
      const rules = sends.map(({ queue, ifField = null }) => ({ queue, ifField }));
      return rules.length === 0 ? [] : [[status, rules] as const];
    }),
  );
}

/** Returns the time limits of the statuses for the driver. */
function timeoutsOf({ statuses }: JobDefinition): StoreConfig["timeouts"] {
  return new Map(
    Object.entries(statuses).flatMap(([status, rule]) => {
      const to = timeoutTarget(rule);
      if (rule.timeoutSeconds === undefined || to === undefined) return [];
      return [[status, { ms: rule.timeoutSeconds * 1000, to }] as const];
    }),
  );
}

/** Returns the TTL of each status in milliseconds. */
function resolveTtls(
  job: JobDefinition,
  overrides: { readonly [status: string]: number | undefined },
): ReadonlyMap<string, number> {
  const unknown = Object.keys(overrides).find((status) => !Object.hasOwn(job.statuses, status));
  if (unknown !== undefined) {
    const known = Object.keys(job.statuses).join(", ");
    invalid(`\`ttlSeconds\` contains the unknown status ${show(unknown)}. Statuses of "${job.name}": ${known}.`);
  }
  return new Map(
    Object.entries(job.statuses).map(([status, rule]) => {
      const override = Object.hasOwn(overrides, status) ? overrides[status] : undefined;
      const seconds = override ?? rule.ttlSeconds ?? 0;
      if (!isTtl(seconds)) invalid(`\`ttlSeconds.${status}\` must be ${TTL_RANGE} (got ${show(seconds)}).`);
      return [status, Math.round(seconds * 1000)];
    }),
  );
}

/** Lifecycle of a definition, as it is stored next to the jobs, so that tools do not need the definition. */
export interface RecordedLifecycle {
  /** Status of a new job. */
  readonly initial: string;
  /** Statuses with their rules, in the order of their declaration. */
  readonly statuses: {
    readonly [status: string]: {
      /** Statuses that can follow. */
      readonly next: readonly string[];
      /** True: no work is left in this status. */
      readonly final: boolean;
      /** Time for which a job is kept, in milliseconds. 0: without expiry. */
      readonly ttlMs: number;
      /** Number of jobs that are kept. null: all. */
      readonly maxCount: number | null;
      /** null: without a time limit. */
      readonly timeout: TimeoutRule | null;
      /** Messages that entering the status sends. */
      readonly sends: readonly SendRule[];
    };
  };
  /** Names of the index fields. */
  readonly fields: readonly string[];
}

/** Version of the format. A format with additional keys has the same version, and an incompatible format has another one. */
const FORMAT_VERSION = 1;

/** Returns the description as text. @param ttlMs TTL of each status, which the store may have overridden */
function describeDefinition(job: JobDefinition, ttlMs: ReadonlyMap<string, number>): string {
  const [timeouts, sends] = [timeoutsOf(job), sendsOf(job)];
  const statuses = Object.entries(job.statuses).map(([status, { next, final = false, maxCount = null }]) => [
    status,
    {
      next,
      final,
      ttlMs: ttlMs.get(status) ?? 0,
      maxCount,
      timeout: timeouts.get(status) ?? null,
      sends: sends.get(status) ?? [],
    },
  ]);
  const description: RecordedLifecycle = {
    initial: job.initial,
    statuses: Object.fromEntries(statuses),
    fields: Object.keys(job.index ?? {}),
  };
  return JSON.stringify({ edition: FORMAT_VERSION, ...description });
}

/** Parses a description. Returns null if there is none, or if a newer version of this package wrote it in another format. */
export function readDescription(text: string | null): RecordedLifecycle | null {
  if (text === null) return null;
  const { edition, ...description } = JSON.parse(text) as RecordedLifecycle & { readonly edition: number };
  if (edition !== FORMAT_VERSION) return null;
  // An earlier version of this package wrote no time limits and no messages.
  const statuses = Object.entries(description.statuses).map(([status, rule]) => [
    status,
    { ...rule, timeout: rule.timeout ?? null, sends: rule.sends ?? [] },
  ]);
  return { ...description, statuses: Object.fromEntries(statuses) };
}
