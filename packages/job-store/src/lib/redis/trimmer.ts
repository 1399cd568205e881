import { BackgroundLoop } from "./background-loop.js";
import { storeKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";
import type { WriteBatchFormat } from "./write-batch.js";

/** Maximum number of expired jobs in a script: a third of a millisecond of the server's time, with indexed fields one or two. */
const EXPIRED_BATCH = 1000;
const EXPIRED_INDEXED_BATCH = 200;

/** Time between two removals of expired jobs. */
const EXPIRED_EVERY_MS = 1000;

/** Maximum number of jobs that a script deletes from a status with too many: about 10 ms of the server's time. */
const SURPLUS_BATCH = 500;

/** Maximum number of jobs that are named at a time: as many as can enter meanwhile. */
const MAX_NAMED = 4096;

/** A status is trimmed after so many calls that enter it, and within this time after any of them. */
const SURPLUS_EVERY_CALLS = 32;
const SURPLUS_EVERY_MS = 50;

/** Pause after a failure, which is mostly a lost connection. There may be no further write that would repeat it. */
const SURPLUS_RETRY_MS = 500;

/** A status with a `maxCount`. */
interface LimitedStatus {
  readonly loop: BackgroundLoop;
  /** Number of calls that enter the status, modulo SURPLUS_EVERY_CALLS. */
  calls: number;
}

/** Jobs that a status has too many of. */
interface Surplus {
  readonly surplus: number;
  /** Some of the oldest jobs of the status. */
  readonly oldest: readonly string[];
}

/**
 * Removes jobs from the indexes in the background: those that expired, and those that a status has too many of. Writes cause it, and
 * do not wait for it.
 */
export class Trimmer {
  readonly #session: RedisSession;
  readonly #format: WriteBatchFormat;
  readonly #expired = new BackgroundLoop(() => this.#trimExpired(), null);
  #expiredAt = Number.NEGATIVE_INFINITY;
  readonly #limited: ReadonlyMap<string, LimitedStatus>;

  constructor(session: RedisSession, format: WriteBatchFormat, maxCount: ReadonlyMap<string, number>) {
    this.#session = session;
    this.#format = format;
    this.#limited = new Map(
      Array.from(maxCount, ([status, most]) => {
        let oldest: readonly string[] = [];
        const step = async () => {
          const result = await this.#trimSurplus(status, most, oldest);
          ({ oldest } = result);
          return result.surplus > 0;
        };
        return [status, { loop: new BackgroundLoop(step, SURPLUS_RETRY_MS), calls: 0 }];
      }),
    );
  }

  /** Trims what a batch makes necessary, on the same connection and so after the batch. */
  sent(batch: readonly { readonly enters: string | null }[]): void {
    if (performance.now() - this.#expiredAt >= EXPIRED_EVERY_MS) this.trimExpired();
    if (this.#limited.size === 0) return;
    for (const { enters } of batch) {
      const limited = enters === null ? undefined : this.#limited.get(enters);
      if (limited === undefined) continue;
      limited.calls = (limited.calls + 1) % SURPLUS_EVERY_CALLS;
      if (limited.calls === 0) limited.loop.start();
      else limited.loop.startWithin(SURPLUS_EVERY_MS);
    }
  }

  /** Removes expired jobs from the indexes. Reads are exact without it. It frees memory. */
  trimExpired(): void {
    this.#expiredAt = performance.now();
    this.#expired.start();
  }

  async close(): Promise<void> {
    const loops = Array.from(this.#limited.values(), ({ loop }) => loop);
    await Promise.all([this.#expired, ...loops].map((loop) => loop.close()));
  }

  async #trimExpired(): Promise<boolean> {
    return this.#session.read(async ({ metadata, evaluate }) => {
      const batch = metadata.fields.length === 0 ? EXPIRED_BATCH : EXPIRED_INDEXED_BATCH;
      const expiring = metadata.codes.filter(({ ttlMs }) => ttlMs > 0).flatMap(({ code, ttlMs }) => [code, ttlMs]);
      if (expiring.length === 0) return false;
      const args = [metadata.edition, batch, ...expiring];
      const [, trimmed] = await evaluate(scripts.trimExpired, storeKeys(this.#session.keys), args);
      return trimmed === batch;
    });
  }

  /**
   * Deletes these jobs, as far as they are the oldest of a surplus. Returns the surplus that remains, and as many of the oldest jobs
   * as were too many: about as many will be next time.
   */
  async #trimSurplus(status: string, most: number, ids: readonly string[]): Promise<Surplus> {
    const trim = (from: number) =>
      this.#session.write(({ metadata, deadline, evaluate }) => {
        const limit = from + SURPLUS_BATCH < ids.length ? 0 : MAX_NAMED;
        const request = { status, most, ids: ids.slice(from, from + SURPLUS_BATCH), limit };
        const { script, keys, args } = this.#format.trimSurplus(request, {
          metadata,
          deadline,
          connection: this.#session.connection.id,
        });
        return evaluate(script, keys, args);
      });
    const batches = Array.from(
      { length: Math.max(1, Math.ceil(ids.length / SURPLUS_BATCH)) },
      (_, n) => n * SURPLUS_BATCH,
    );
    const replies = await Promise.all(batches.map(trim));
    const [, surplus, ...oldest] = replies.at(-1) ?? [];
    return { surplus: Number(surplus), oldest: oldest.map(String) };
  }
}
