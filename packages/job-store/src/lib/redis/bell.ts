import type { Redis } from "ioredis";
import { Waiters } from "../waiters.js";

/** How long one blocking read lasts: a line that died without a word is noticed soon after. */
const BLOCK_MS = 1000;
const OVERDUE_MS = 3000;

/**
 * Tells waiting readers that something was added to a stream. All of a store's readers share one connection that is
 * opened for the first of them; it only wakes, so a lost or a doubled ring does no harm.
 */
export class Bell {
  readonly #connect: () => Redis;
  readonly #stream: string;
  readonly #readers = new Waiters();
  #client: Redis | undefined;
  #listening = false;
  #heardUpTo = "0-0";

  /** @param connect opens a connection of its own, since a blocking read holds up everything behind it */
  constructor(connect: () => Redis, stream: string) {
    this.#connect = connect;
    this.#stream = stream;
  }

  /** Resolves when an entry later than `last` is there, when the time is over, or when `signal` aborts. */
  wait(last: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#heardUpTo = last;
    const rung = this.#readers.wait(ms, signal);
    if (!this.#listening) void this.#listen();
    return rung;
  }

  close(): void {
    this.#client?.disconnect();
  }

  async #listen(): Promise<void> {
    this.#listening = true;
    this.#client ??= this.#connect();
    while (this.#readers.size > 0) {
      try {
        if (await this.#heard(this.#client)) this.#readers.wake();
      } catch {
        // The connection comes back by itself; until then waiting readers look for themselves when their time is over.
        await new Promise((resolve) => setTimeout(resolve, 200));
        this.#readers.wake();
      }
    }
    this.#listening = false;
  }

  async #heard(client: Redis): Promise<boolean> {
    let overdue: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      overdue = setTimeout(() => {
        client.disconnect(true);
        reject(new Error("the blocking read is overdue"));
      }, BLOCK_MS + OVERDUE_MS);
    });
    try {
      const read = client.xread("COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", this.#stream, this.#heardUpTo);
      return (await Promise.race([read, silence])) !== null;
    } finally {
      clearTimeout(overdue);
    }
  }
}
