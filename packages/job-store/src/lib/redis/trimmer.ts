import { storeKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** How much is taken out at once: a third of a millisecond of the server's time, with indexed fields one or two. */
const BATCH = 1000;
const INDEXED_BATCH = 200;

/** How often that begins anew. */
const INTERVAL_MS = 1000;

/**
 * Takes expired jobs out of the indexes. Reads are exact without it; it gives the memory back. Stores that write do it
 * on the side, and nobody waits for it.
 */
export class Trimmer {
  readonly #session: RedisSession;
  #lastAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(session: RedisSession) {
    this.#session = session;
  }

  trimSoon(): void {
    if (performance.now() - this.#lastAt >= INTERVAL_MS) this.trim();
  }

  trim(): void {
    if (this.#closed || this.#running !== undefined) return;
    this.#lastAt = performance.now();
    // What fails here fails for want of a connection, and the next write tries again.
    this.#running = this.#trimAll()
      .catch(() => {})
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #trimAll(): Promise<void> {
    const { keys } = this.#session;
    let full = true;
    while (full && !this.#closed) {
      full = await this.#session.read(async ({ metadata, evaluate }) => {
        const batch = metadata.fields.length === 0 ? BATCH : INDEXED_BATCH;
        const expiring = metadata.codes.filter(({ ttlMs }) => ttlMs > 0).flatMap(({ code, ttlMs }) => [code, ttlMs]);
        if (expiring.length === 0) return false;
        const trimmed: unknown = await evaluate(scripts.trim, storeKeys(keys), [metadata.edition, batch, ...expiring]);
        return trimmed === batch;
      });
    }
  }
}
