import {
  checkDate,
  checkId,
  checkInteger,
  checkKeys,
  checkLease,
  checkName,
  checkOptions,
  checkReason,
  checkStatus,
  checkTrue,
  invalid,
  show,
} from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { JobStorage, LiveWorkerRecord, QueuePause, StoreConfig, WorkerRecord } from "../driver.js";
import type { Job } from "../job.js";
import type {
  AnnouncedWorker,
  Explanation,
  LiveWorker,
  PausedQueue,
  PauseOptions,
  WorkerOperations,
} from "../worker-operations.js";
import { explain } from "./explain.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { checkLimit, checkUnsharded } from "./key-limit.js";
import { PAUSE_OPTIONS, RESUME_OPTIONS, WORKER_KEYS } from "./option-keys.js";
import { describePause } from "./reports.js";
import { snapshotTarget } from "./target.js";

const STATES = ["running", "waiting", "paused"];

/** Operations on workers for any driver: checks arguments, and converts the replies of the storage. */
export class StoreWorkers<D extends JobDefinition> implements WorkerOperations<D> {
  readonly #definition: D;
  readonly #storage: JobStorage;
  readonly #calls: InFlightCalls;
  readonly #config: StoreConfig;

  constructor(definition: D, storage: JobStorage, calls: InFlightCalls, config: StoreConfig) {
    this.#definition = definition;
    this.#storage = storage;
    this.#calls = calls;
    this.#config = config;
  }

  async pauseQueue(queue: string, options: PauseOptions = {}): Promise<void> {
    const { until, reason, by, unlessLonger } = checkOptions(options, PAUSE_OPTIONS, "pauseQueue");
    const request = {
      queue: checkName(queue, "queue"),
      until: until === undefined ? null : checkDate(until, "until"),
      reason: checkReason(reason) ?? null,
      by: by === undefined ? null : checkName(by, "by"),
      unlessLonger: checkTrue(unlessLonger, "unlessLonger") === true,
    };
    await this.#calls.run(() => this.#storage.pauseQueue(request));
    // A pause whose end has passed ends the pause of the queue, and one that must not shorten another may have changed nothing.
    const isCertain = !request.unlessLonger && (request.until === null || request.until > Date.now());
    if (isCertain) this.#config.emit({ type: "paused", message: describePause(request) });
  }

  async resumeQueue(queue: string, options: { readonly by?: string | undefined } = {}): Promise<boolean> {
    const name = checkName(queue, "queue");
    const given = checkOptions(options, RESUME_OPTIONS, "resumeQueue").by;
    const by = given === undefined ? undefined : checkName(given, "by");
    const resumed = await this.#calls.run(() => this.#storage.resumeQueue(name));
    const author = by === undefined ? "" : ` by ${by}`;
    if (resumed) this.#config.emit({ type: "resumed", message: `The queue "${name}" was resumed${author}.` });
    return resumed;
  }

  async pausedQueues(): Promise<readonly PausedQueue[]> {
    const pauses = await this.#calls.run(() => this.#storage.pauses());
    return pauses.map(toPausedQueue).sort((a, b) => (a.queue < b.queue ? -1 : 1));
  }

  async workers(): Promise<readonly LiveWorker[]> {
    const { live } = await this.#calls.run(() => this.#storage.workers(true));
    return live
      .map(toLiveWorker)
      .sort((a, b) => (a.queue === b.queue ? Number(a.startedAt) - Number(b.startedAt) : a.queue < b.queue ? -1 : 1));
  }

  async explain(jobId: string): Promise<readonly Explanation[] | null> {
    const id = checkId(jobId);
    return this.#calls.run(() => explain(this.#storage, this.#config, this.#definition, id));
  }

  async announceWorker(worker: AnnouncedWorker<D>, jobs: readonly Job<D>[], leaseMs: number) {
    const record = checkWorker(this.#definition, worker);
    if (record.limit !== null) checkUnsharded(this.#storage);
    if (!Array.isArray(jobs)) return invalid("`announceWorker` requires an array of jobs.");
    const targets = jobs.map((job: Job<D>) => snapshotTarget(job));
    const duration = checkLease(leaseMs, 0);
    const { renewed, pause } = await this.#calls.run(() => this.#storage.announceWorker(record, targets, duration));
    return { renewed, paused: pause && toPausedQueue(pause) };
  }
}

/** Worker whose type does not depend on the definition. */
type AnyWorker = Omit<AnnouncedWorker<JobDefinition>, "from" | "working"> & {
  readonly from: readonly string[];
  readonly working: string;
};

function checkWorker(definition: JobDefinition, worker: AnyWorker): WorkerRecord {
  if (typeof worker !== "object" || worker === null) return invalid("`announceWorker` requires a worker.");
  const { id, by, queue, from, working, host, pid, version, state, concurrency, limit, startedAt } = checkKeys(
    worker,
    WORKER_KEYS,
    "The worker of announceWorker",
  );
  if (!Array.isArray(from)) return invalid("`from` must be an array of statuses.");
  if (!STATES.includes(state)) return invalid(`\`state\` must be one of ${STATES.join(", ")} (got ${show(state)}).`);
  const own = checkStatus(definition, working);
  return {
    id: checkId(id),
    by: checkName(by, "by"),
    queue: checkName(queue, "queue"),
    from: from.map((status) => checkStatus(definition, status)).filter((status) => status !== own),
    working: own,
    host: checkName(host, "host"),
    pid: checkInteger(pid, "pid", 0, Number.MAX_SAFE_INTEGER),
    version: version === undefined ? null : checkName(version, "version"),
    state,
    concurrency: checkInteger(concurrency, "concurrency", 1, Number.MAX_SAFE_INTEGER),
    limit: limit === undefined ? null : checkLimit(definition, limit),
    startedAt: checkDate(startedAt, "startedAt"),
  };
}

function toLiveWorker(record: LiveWorkerRecord): LiveWorker {
  const { id: _, from: __, working: ___, limit: ____, startedAt, seenAt, ...worker } = record;
  return { ...worker, startedAt: new Date(startedAt), seenAt: new Date(seenAt) };
}

function toPausedQueue({ since, until, ...pause }: QueuePause): PausedQueue {
  return { ...pause, since: new Date(since), until: until === null ? null : new Date(until) };
}
