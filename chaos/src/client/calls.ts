import { type Job, JobStoreError } from "@subtitles/job-store";
import type { Begun, Outcome } from "../record.js";
import { PAYLOAD_SECRET, type Status, type Task, type Tasks } from "../subject.js";
import { type Journal, now } from "./journal.js";
import { WAIT_MS } from "./settings.js";
import { Stalls } from "./stalls.js";

/** What a call came to: the job where there is one, and the outcome as it was written down. */
export interface Result {
  readonly op: string;
  readonly job: Job<Task> | null;
  readonly outcome: Outcome;
}

type Answer = Omit<Result, "op">;
type Call = Pick<Begun, "verb" | "job" | "to" | "version" | "until"> & {
  readonly queue?: string | undefined;
  /** @default that of the store */
  readonly budgetMs?: number;
};
type Target = string | Job<Task>;

/** The calls of a store, each written down as it begins and as it settles. None of them throws. */
export class Calls {
  readonly #store: Tasks;
  readonly #journal: Journal;
  readonly #name: string;
  readonly #budgetMs: number;
  readonly #stalls = new Stalls();
  #count = 0;

  constructor(store: Tasks, journal: Journal, name: string, budgetMs: number) {
    this.#store = store;
    this.#journal = journal;
    this.#name = name;
    this.#budgetMs = budgetMs;
  }

  /** With `stored: false` the message is owed, but it is the caller who sends it. */
  create(id: string, queue?: string, { stored = true } = {}): Promise<Result> {
    return this.#record({ verb: "create", job: id, to: "todo", queue }, async (op) => {
      const outbox = queue === undefined || !stored ? [] : [{ queue, payload: { job: id, op } }];
      const { created, job } = await this.#store.create({ secret: PAYLOAD_SECRET }, { id, by: op, outbox });
      return { job, outcome: created ? { is: "applied", version: job.version } : unchanged(job) };
    });
  }

  move(target: Target, to: Status, queue?: string): Promise<Result> {
    const id = typeof target === "string" ? target : target.id;
    return this.#record({ verb: "move", job: id, to, queue }, async (op) => {
      const outbox = queue === undefined ? [] : [{ queue, payload: { job: id, op } }];
      const change = { by: op, outbox };
      // Which steps are legal is left to the server: that is what is tried here.
      const job = await (typeof target === "string"
        ? this.#store.updateStatus(target, to, change)
        : this.#store.updateStatus(target.id, to, { ...change, ifVersion: target.version }));
      const mine = job.history.at(-1)?.by === op;
      return { job, outcome: mine ? { is: "applied", version: job.version } : unchanged(job) };
    });
  }

  progress(target: Target): Promise<Result> {
    const id = typeof target === "string" ? target : target.id;
    return this.#record({ verb: "progress", job: id }, async (op) => {
      await this.#store.updateProgress(target, { by: op });
      return { job: null, outcome: { is: "applied", version: null } };
    });
  }

  /** Saves have no `by`: the version they make tells them apart. */
  save(snapshot: Job<Task>): Promise<Result> {
    const version = snapshot.version + 1;
    return this.#record({ verb: "save", job: snapshot.id, version }, async (op) => {
      const job = await this.#store.save({ ...snapshot, progress: { by: op } });
      return { job, outcome: { is: "applied", version: job.version } };
    });
  }

  delete(id: string): Promise<Result> {
    return this.#record({ verb: "delete", job: id }, async () => {
      const deleted = await this.#store.delete(id);
      return { job: null, outcome: deleted ? { is: "applied", version: null } : { is: "refused", code: "NOT_FOUND" } };
    });
  }

  get(id: string): Promise<Result> {
    return this.#record({ verb: "get", job: id }, async () => {
      const job = await this.#store.get(id);
      return { job, outcome: { is: "read", jobs: [[id, job?.version ?? null]] } };
    });
  }

  list(status: Status): Promise<Result> {
    return this.#record({ verb: "list", job: null }, async () => {
      const { items } = await this.#store.list({ status, limit: 20 });
      return { job: null, outcome: { is: "read", jobs: items.map(({ id, version }) => [id, version]) } };
    });
  }

  counts(): Promise<Result> {
    return this.#record({ verb: "counts", job: null }, async () => {
      await this.#store.counts();
      return { job: null, outcome: { is: "read", jobs: [] } };
    });
  }

  waitFor(id: string, until: readonly Status[]): Promise<Result> {
    return this.#record({ verb: "wait", job: id, until, budgetMs: WAIT_MS }, async () => {
      const job = await this.#store.waitFor(id, { until, timeoutMs: WAIT_MS });
      return { job, outcome: { is: "read", jobs: [[id, job.version]] } };
    });
  }

  async #record(call: Call, make: (op: string) => Promise<Answer>): Promise<Result> {
    const op = `${this.#name}-${this.#count++}`;
    const { queue, ...what } = call;
    const begun: Begun = {
      line: "begun",
      op,
      at: now(),
      budgetMs: this.#budgetMs,
      ...what,
      ...(queue !== undefined && { queue }),
    };
    this.#journal.write(begun);
    const startedAt = performance.now();
    const answer = await make(op).catch((error: unknown): Answer => ({ job: null, outcome: failed(error) }));
    const tookMs = performance.now() - startedAt - this.#stalls.since(startedAt);
    this.#journal.write({ line: "settled", op, at: now(), tookMs, outcome: answer.outcome });
    return { op, ...answer };
  }
}

function unchanged({ version, status }: Job<Task>): Outcome {
  return { is: "unchanged", version, status };
}

function failed(error: unknown): Outcome {
  if (!JobStoreError.is(error)) return { is: "untyped", reason: error instanceof Error ? String(error.stack) : "?" };
  if (error.code === "UNAVAILABLE") {
    return { is: "unavailable", indeterminate: error.indeterminate === true, reason: error.message };
  }
  return { is: "refused", code: error.code };
}
