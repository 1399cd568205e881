import { hostname } from "node:os";
import type { JobDefinition, KeyLimit } from "@subtitles/job-store";
import {
  checkDuration,
  checkInteger,
  checkKeys,
  checkOptions,
  invalid,
  type KeysOf,
  MAX_PREFETCH,
  show,
} from "../arguments.js";
import { accessOf, type BrokerAccess } from "../broker-access.js";
import { checkDefinition, type QueueDefinition } from "../definition.js";
import { type Emit, emitter } from "./events.js";
import type { WorkerContext, WorkerOptions } from "./types.js";
import { type AnyJob, isSharded, toWorkerStore, type WorkerStore } from "./worker-store.js";

/** Number of heartbeats after which a lease ends. */
const HEARTBEATS_PER_LEASE = 5;

/** Options of a worker of any definition. */
export type AnyWorkerOptions = Omit<WorkerOptions<JobDefinition, QueueDefinition, string>, "ready"> & {
  readonly ready?: ((job: AnyJob) => Promise<boolean>) | undefined;
  readonly jobId?: ((payload: never) => string) | undefined;
  readonly failed?: string | undefined;
};

const WORKER_OPTIONS: KeysOf<AnyWorkerOptions> = {
  store: true,
  broker: true,
  queue: true,
  from: true,
  working: true,
  failed: true,
  jobId: true,
  ready: true,
  run: true,
  concurrency: true,
  prefetch: true,
  timeoutMs: true,
  heartbeatMs: true,
  recoverEveryMs: true,
  limit: true,
  by: true,
  version: true,
  onEvent: true,
};

/** Checked options of a worker, with their defaults. */
export interface WorkerSettings {
  readonly store: WorkerStore;
  readonly access: BrokerAccess;
  readonly queue: QueueDefinition;
  /** Statuses in which jobs wait for the worker, without `working`. */
  readonly from: readonly string[];
  readonly working: string;
  readonly failed: string;
  /** Statuses that an outcome can name. */
  readonly outcomes: ReadonlySet<string>;
  readonly jobId: (payload: unknown) => unknown;
  readonly ready: ((job: AnyJob) => Promise<boolean>) | undefined;
  readonly run: (job: AnyJob, context: WorkerContext<JobDefinition, QueueDefinition>) => Promise<unknown>;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly timeoutMs: number | undefined;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly recoverEveryMs: number;
  readonly limit: KeyLimit | undefined;
  readonly by: string;
  readonly version: string | undefined;
  readonly emit: Emit;
}

/**
 * Checks the options of `createWorker` and returns them with their defaults.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function checkWorkerOptions(given: AnyWorkerOptions): WorkerSettings {
  if (typeof given !== "object" || given === null) return invalid("createWorker needs an object of options.");
  checkOptions(given, WORKER_OPTIONS, "createWorker");
  const { store, queue, ready, run, jobId, onEvent } = given;
  if (typeof store?.claim !== "function" || typeof store.definition?.statuses !== "object") {
    return invalid("createWorker needs a store made by createJobStore of @subtitles/job-store.");
  }
  const access = accessOf(given.broker, "createWorker");
  checkDefinition(queue);
  for (const [name, value] of Object.entries({ ready, jobId, onEvent })) {
    if (value !== undefined && typeof value !== "function")
      return invalid(`\`${name}\` must be a function (got ${show(value)}).`);
  }
  if (typeof run !== "function") return invalid(`\`run\` must be an async function of a job (got ${show(run)}).`);

  const concurrency = checkInteger(given.concurrency ?? 1, "`concurrency`", 1, MAX_PREFETCH);
  const heartbeatMs = checkInteger(given.heartbeatMs ?? 3_000, "`heartbeatMs`", 100, 600_000);
  const recoverEveryMs = given.recoverEveryMs ?? 60_000;
  if (recoverEveryMs !== 0) checkInteger(recoverEveryMs, "`recoverEveryMs`, unless it is 0,", 1_000, 86_400_000);
  const by = given.by ?? `${queue.name}@${hostname()}/${process.pid}`;
  if (typeof by !== "string" || by === "" || by.length > 255) {
    return invalid(`\`by\` must be a text of 1 to 255 characters (got ${show(by)}).`);
  }
  const { version } = given;
  if (version !== undefined && (typeof version !== "string" || version === "" || version.length > 255)) {
    return invalid(`\`version\` must be a text of 1 to 255 characters (got ${show(version)}).`);
  }
  return {
    store: toWorkerStore(store),
    access,
    queue,
    ...checkLifecycle(store.definition, given),
    // Without this option, the type of the payload has a string `jobId`. The worker checks the result.
    jobId: (jobId ?? jobIdOfPayload) as (payload: unknown) => unknown,
    ready,
    run,
    concurrency,
    prefetch: checkInteger(given.prefetch ?? concurrency, "`prefetch`", concurrency, MAX_PREFETCH),
    timeoutMs: given.timeoutMs === undefined ? undefined : checkDuration(given.timeoutMs, "`timeoutMs`", 1),
    heartbeatMs,
    leaseMs: heartbeatMs * HEARTBEATS_PER_LEASE,
    recoverEveryMs,
    limit: given.limit === undefined ? undefined : checkLimit(store, given.limit),
    by,
    version,
    emit: emitter(onEvent, ({ type }) => access.count(queue, type)),
  };
}

const LIMIT_KEYS: KeysOf<KeyLimit> = { field: true, max: true };
/** Largest `max` of a limit. */
const LARGEST_MAX = 1_000_000;

/** Checks a limit. */
function checkLimit(store: object & { readonly definition: JobDefinition }, limit: KeyLimit): KeyLimit {
  if (typeof limit !== "object" || limit === null) {
    return invalid(`\`limit\` must be an object such as { field, max } (got ${show(limit)}).`);
  }
  checkKeys(limit, LIMIT_KEYS, "limit");
  const { name, index = {} } = store.definition;
  if (!Object.hasOwn(index, limit.field)) {
    const fields = Object.keys(index);
    const known = fields.length === 0 ? "It has none." : `Its index fields: ${fields.join(", ")}.`;
    return invalid(
      `\`limit.field\` is ${show(limit.field)}, which is not an index field of the jobs "${name}". ${known}`,
    );
  }
  if (isSharded(store)) {
    return invalid(
      "`limit` is not possible with a sharded store: the jobs with one value are in several shards. Use a store without `shards`.",
    );
  }
  return { field: limit.field, max: checkInteger(limit.max, "`limit.max`", 1, LARGEST_MAX) };
}

/** Returns the job id in a payload: a string `jobId`, if it has one. */
export function jobIdOfPayload(payload: unknown): unknown {
  return typeof payload === "object" && payload !== null && "jobId" in payload ? payload.jobId : undefined;
}

/** Checks that the statuses of the options fit the lifecycle of the jobs. */
function checkLifecycle(
  { name, statuses }: JobDefinition,
  given: AnyWorkerOptions,
): Pick<WorkerSettings, "from" | "working" | "failed" | "outcomes"> {
  const ruleOf = (option: string, status: unknown) => {
    const rule = typeof status === "string" && Object.hasOwn(statuses, status) ? statuses[status] : undefined;
    return rule ?? invalid(`\`${option}\` names ${show(status)}, which is no status of the jobs "${name}".`);
  };
  const { working, failed = "failed" } = given;
  const { next, final } = ruleOf("working", working);
  if (final === true || !next.includes(working)) {
    return invalid(
      `\`working\` is "${working}". This status must not be final and must list itself in its \`next\`, so that a job can be claimed again.`,
    );
  }
  if (ruleOf("failed", failed).final !== true || !next.includes(failed)) {
    return invalid(
      `\`failed\` is "${failed}". This status must be final, and "${working}" must list it in its \`next\`.`,
    );
  }
  const from: readonly string[] = typeof given.from === "string" ? [given.from] : given.from;
  if (!Array.isArray(from) || from.length === 0) {
    return invalid(`\`from\` must be a status or an array of at least one status (got ${show(given.from)}).`);
  }
  for (const status of from) {
    const rule = ruleOf("from", status);
    if (rule.final === true || !rule.next.includes(working)) {
      return invalid(
        `\`from\` contains "${status}". This status must not be final and must list "${working}" in its \`next\`.`,
      );
    }
  }
  return {
    from: [...new Set(from)].filter((status) => status !== working),
    working,
    failed,
    outcomes: new Set(next.filter((status) => status !== working)),
  };
}
