import { storeKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import type { WriteBatchFormat } from "./write-batch.js";

/** Maximum number of expired jobs in a script: a third of a millisecond of the server's time, with index fields one or two. */
const EXPIRED_BATCH = 1000;
const EXPIRED_INDEXED_BATCH = 200;

/** Time between two removals of expired jobs. */
const EXPIRED_EVERY_MS = 1000;

/** Maximum number of jobs that one script deletes from a status with too many: about 10 ms of the server's time. */
const EXCESS_BATCH = 500;

/** Maximum number of ids that a script returns for the next run: as many as can enter the status between two runs. */
const MAX_CANDIDATES = 4096;

/** A status is trimmed after so many calls that enter it, and within this time after any of them. */
const EXCESS_EVERY_CALLS = 32;
const EXCESS_EVERY_MS = 50;

/** Pause after a failure, usually a lost connection. No later write may start the task again. */
const EXCESS_RETRY_MS = 500;

/** A status with a `maxCount`. */
interface LimitedStatus {
  readonly task: RepeatedTask;
  /** Number of calls that enter the status, modulo EXCESS_EVERY_CALLS. */
  calls: number;
}

/** Jobs above the maximum count of a status. */
interface ExcessJobs {
  readonly count: number;
  /** Some of the oldest jobs of the status. */
  readonly oldest: readonly string[];
}

/**
 * Removes jobs in the background: expired ones from the indexes, and those above the maximum count of their status. Writes start it,
 * and do not wait for it.
 */
export class BackgroundTrimmer {
  readonly #session: RedisSession;
  readonly #format: WriteBatchFormat;
  readonly #expired = new RepeatedTask(() => this.#trimExpired(), null);
  #expiredAt = Number.NEGATIVE_INFINITY;
  readonly #limited: ReadonlyMap<string, LimitedStatus>;

  constructor(session: RedisSession, format: WriteBatchFormat, maxCounts: ReadonlyMap<string, number>) {
    this.#session = session;
    this.#format = format;
    this.#limited = new Map(
      Array.from(maxCounts, ([status, maxCount]) => {
        let oldest: readonly string[] = [];
        const step = async () => {
          const result = await this.#trimToMaxCount(status, maxCount, oldest);
          ({ oldest } = result);
          return result.count > 0;
        };
        return [status, { task: new RepeatedTask(step, EXCESS_RETRY_MS), calls: 0 }];
      }),
    );
  }

  /** Starts what a batch makes necessary. It uses the same connection, so it runs after the batch. */
  onBatchSent(batch: readonly { readonly enters: string | null }[]): void {
    if (performance.now() - this.#expiredAt >= EXPIRED_EVERY_MS) this.trimExpired();
    if (this.#limited.size === 0) return;
    for (const { enters } of batch) {
      const limited = enters === null ? undefined : this.#limited.get(enters);
      if (limited === undefined) continue;
      limited.calls = (limited.calls + 1) % EXCESS_EVERY_CALLS;
      if (limited.calls === 0) limited.task.start();
      else limited.task.startWithin(EXCESS_EVERY_MS);
    }
  }

  /** Starts to remove expired jobs from the indexes. This only frees memory: reads are exact without it. */
  trimExpired(): void {
    this.#expiredAt = performance.now();
    this.#expired.start();
  }

  async close(): Promise<void> {
    const tasks = Array.from(this.#limited.values(), ({ task }) => task);
    await Promise.all([this.#expired, ...tasks].map((task) => task.close()));
  }

  async #trimExpired(): Promise<boolean> {
    return this.#session.read(async ({ metadata, evaluate }) => {
      const batch = metadata.fields.length === 0 ? EXPIRED_BATCH : EXPIRED_INDEXED_BATCH;
      const expiring = metadata.codes.filter(({ ttlMs }) => ttlMs > 0).flatMap(({ code, ttlMs }) => [code, ttlMs]);
      if (expiring.length === 0) return false;
      const args = [metadata.revision, batch, ...expiring];
      const [, trimmed] = await evaluate(scripts.trimExpired, storeKeys(this.#session.keys), args);
      return trimmed === batch;
    });
  }

  /**
   * Deletes those of the given jobs that are among the oldest above the maximum count. Returns the number of jobs that are still
   * above it, and as many ids of the oldest jobs as there were above it before: the next run will need about as many.
   */
  async #trimToMaxCount(status: string, maxCount: number, ids: readonly string[]): Promise<ExcessJobs> {
    const trim = (from: number) =>
      this.#session.write(({ metadata, deadline, evaluate }) => {
        const limit = from + EXCESS_BATCH < ids.length ? 0 : MAX_CANDIDATES;
        const request = { status, maxCount, ids: ids.slice(from, from + EXCESS_BATCH), limit };
        const { script, keys, args } = this.#format.trimToMaxCount(request, {
          metadata,
          deadline,
          connection: this.#session.connection.id,
        });
        return evaluate(script, keys, args);
      });
    const batches = Array.from(
      { length: Math.max(1, Math.ceil(ids.length / EXCESS_BATCH)) },
      (_, n) => n * EXCESS_BATCH,
    );
    const replies = await Promise.all(batches.map(trim));
    const [, count, ...oldest] = replies.at(-1) ?? [];
    return { count: Number(count), oldest: oldest.map(String) };
  }
}

/** Repeats a step in the background until the step returns false. Steps never overlap. */
class RepeatedTask {
  readonly #step: () => Promise<boolean>;
  readonly #retryMs: number | null;
  #ended: Promise<void> = Promise.resolve();
  #running = false;
  #repeats = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param step returns true if it has to be repeated
   * @param retryMs pause after a step that failed; null: the task ends
   */
  constructor(step: () => Promise<boolean>, retryMs: number | null) {
    this.#step = step;
    this.#retryMs = retryMs;
  }

  /** Runs the step now, or once more after the current one. */
  start(): void {
    this.#repeats = true;
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#ended = this.#run();
  }

  /** Runs the step within this time. */
  startWithin(ms: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, ms).unref();
  }

  /** Ends the task after the current step. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#ended;
  }

  async #run(): Promise<void> {
    try {
      while (this.#repeats && !this.#closed) {
        this.#repeats = false;
        if (await this.#step()) this.#repeats = true;
      }
    } catch {
      if (this.#retryMs !== null) this.startWithin(this.#retryMs);
    } finally {
      this.#running = false;
    }
  }
}
