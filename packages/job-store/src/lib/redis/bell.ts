import { setTimeout as pause } from "node:timers/promises";
import { Condition } from "../condition.js";
import type { BlockingReader } from "./blocking-reader.js";

/** After a broken connection, until it is tried again and waiting readers look for themselves. */
const RETRY_MS = 200;

/**
 * Tells waiting readers that something was added to a stream. All readers of a store share one blocking read; it only
 * wakes, so a lost or a doubled ring does no harm.
 */
export class Bell {
  readonly #reader: BlockingReader;
  readonly #stream: string;
  readonly #waiting = new Condition();
  #listening = false;
  #heardUpTo = "0-0";

  constructor(reader: BlockingReader, stream: string) {
    this.#reader = reader;
    this.#stream = stream;
  }

  /** Resolves when an entry later than `last` is there, when the time is over, or when `signal` aborts. */
  wait(last: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#heardUpTo = last;
    const rung = this.#waiting.wait(ms, signal);
    if (!this.#listening) void this.#listen();
    return rung;
  }

  close(): void {
    this.#reader.close();
  }

  async #listen(): Promise<void> {
    this.#listening = true;
    while (this.#waiting.size > 0) {
      const heard = await this.#reader.read(this.#stream, this.#heardUpTo, 1).catch(() => null);
      if (heard === null) await pause(RETRY_MS);
      if (heard === null || heard.length > 0) this.#waiting.notify();
    }
    this.#listening = false;
  }
}
