import { type Job, JobStoreError } from "@subtitles/job-store";
import { type Journal, now, type Outcome, type Started } from "../journal.js";
import { PAYLOAD_SECRET, type Plan, type Status, type Task, type Tasks } from "../workload.js";
import { WAIT_TIMEOUT_MS } from "./settings.js";
import { Stalls } from "./stalls.js";

/** Result of a call: the job if the call returned one, and the recorded outcome. */
export interface Result {
  readonly op: string;
  readonly job: Job<Task> | null;
  readonly outcome: Outcome;
}

type Parameters = Pick<Started, "call" | "job" | "to" | "version" | "until"> & {
  readonly queue?: string | undefined;
  /** @default the timeout of the store */
  readonly timeoutMs?: number;
};
type Target = string | Job<Task>;

interface CreateOptions {
  /** False: the caller publishes the message instead of the outbox. */
  readonly stored?: boolean;
  /** Delay of the message. */
  readonly delayMs?: number | undefined;
  readonly plan?: Plan;
  /** True: the status stores the message. */
  readonly isSent?: boolean;
}

/** Calls of a store. Each is written to the journal when it starts and when it ends. No call throws. */
export class Calls {
  readonly #store: Tasks;
  readonly #journal: Journal;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #stalls = new Stalls();
  #count = 0;

  constructor(store: Tasks, journal: Journal, name: string, timeoutMs: number) {
    this.#store = store;
    this.#journal = journal;
    this.#name = name;
    this.#timeoutMs = timeoutMs;
  }

  create(id: string, queue?: string, { stored = true, delayMs, plan, isSent }: CreateOptions = {}): Promise<Result> {
    return this.#record({ call: "create", job: id, to: "todo", queue }, async (op) => {
      const outbox = queue === undefined || !stored ? [] : [{ queue, payload: { jobId: id, op }, delayMs }];
      const data = { secret: PAYLOAD_SECRET, plan, isSent };
      const { created, job } = await this.#store.create(data, { id, by: op, outbox });
      return { job, outcome: created ? { is: "applied", version: job.version } : unchanged(job) };
    });
  }

  move(target: Target, to: Status, queue?: string): Promise<Result> {
    const id = typeof target === "string" ? target : target.id;
    return this.#record({ call: "move", job: id, to, queue }, async (op) => {
      const outbox = queue === undefined ? [] : [{ queue, payload: { jobId: id, op } }];
      const change = { by: op, outbox };
      // The status is not checked here: the server must reject transitions that are not allowed.
      const job = await (typeof target === "string"
        ? this.#store.updateStatus(target, to, change)
        : this.#store.updateStatus(target.id, to, { ...change, ifVersion: target.version }));
      const mine = job.history.at(-1)?.by === op;
      return { job, outcome: mine ? { is: "applied", version: job.version } : unchanged(job) };
    });
  }

  progress(target: Target): Promise<Result> {
    const id = typeof target === "string" ? target : target.id;
    return this.#record({ call: "progress", job: id }, async (op) => {
      await this.#store.updateProgress(target, { by: op });
      return { job: null, outcome: { is: "applied", version: null } };
    });
  }

  /** Saves a snapshot. A save has no `by`, so its version identifies it. */
  save(snapshot: Job<Task>): Promise<Result> {
    const version = snapshot.version + 1;
    return this.#record({ call: "save", job: snapshot.id, version }, async (op) => {
      const job = await this.#store.save({ ...snapshot, progress: { by: op } });
      return { job, outcome: { is: "applied", version: job.version } };
    });
  }

  delete(id: string): Promise<Result> {
    return this.#record({ call: "delete", job: id }, async () => {
      const deleted = await this.#store.delete(id);
      return { job: null, outcome: deleted ? { is: "applied", version: null } : { is: "rejected", code: "NOT_FOUND" } };
    });
  }

  get(id: string): Promise<Result> {
    return this.#record({ call: "get", job: id }, async () => {
      const job = await this.#store.get(id);
      return { job, outcome: { is: "read", jobs: [[id, job?.version ?? null]] } };
    });
  }

  list(status: Status): Promise<Result> {
    return this.#record({ call: "list", job: null }, async () => {
      const { items } = await this.#store.list({ status, limit: 20 });
      return { job: null, outcome: { is: "read", jobs: items.map(({ id, version }) => [id, version]) } };
    });
  }

  counts(): Promise<Result> {
    return this.#record({ call: "counts", job: null }, async () => {
      await this.#store.counts();
      return { job: null, outcome: { is: "read", jobs: [] } };
    });
  }

  waitFor(id: string, until: readonly Status[]): Promise<Result> {
    return this.#record({ call: "wait", job: id, until, timeoutMs: WAIT_TIMEOUT_MS }, async () => {
      const job = await this.#store.waitFor(id, { until, timeoutMs: WAIT_TIMEOUT_MS });
      return { job, outcome: { is: "read", jobs: [[id, job.version]] } };
    });
  }

  async #record(parameters: Parameters, run: (op: string) => Promise<Omit<Result, "op">>): Promise<Result> {
    const op = `${this.#name}-${this.#count++}`;
    const { queue, ...rest } = parameters;
    const started: Started = {
      line: "started",
      op,
      at: now(),
      timeoutMs: this.#timeoutMs,
      ...rest,
      ...(queue !== undefined && { queue }),
    };
    this.#journal.write(started);
    const start = performance.now();
    const result = await run(op).catch((error: unknown) => ({ job: null, outcome: outcomeOf(error) }));
    const durationMs = performance.now() - start - this.#stalls.since(start);
    this.#journal.write({ line: "ended", op, at: now(), durationMs, outcome: result.outcome });
    return { op, ...result };
  }
}

function unchanged({ version, status }: Job<Task>): Outcome {
  return { is: "unchanged", version, status };
}

function outcomeOf(error: unknown): Outcome {
  if (!JobStoreError.is(error)) return { is: "untyped", reason: error instanceof Error ? String(error.stack) : "?" };
  if (error.code === "UNAVAILABLE") {
    return { is: "unavailable", indeterminate: error.indeterminate === true, reason: error.message };
  }
  return { is: "rejected", code: error.code };
}
