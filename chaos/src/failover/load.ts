import { setTimeout as pause } from "node:timers/promises";
import { PAYLOAD_SECRET, type Tasks } from "../workload.js";

const WRITERS = 8;

/** Creates jobs in several concurrent loops and records the ids of the acknowledged jobs. */
export class Load {
  longestGapMs = 0;
  readonly #acknowledged: string[] = [];
  readonly #stop = new AbortController();
  readonly #loops: Promise<unknown>;
  #lastAt = performance.now();

  constructor(store: Tasks) {
    this.#loops = Promise.all(Array.from({ length: WRITERS }, (_, n) => this.#write(store, `writer-${n}`)));
  }

  get count(): number {
    return this.#acknowledged.length;
  }

  async stop(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#loops;
    return this.#acknowledged;
  }

  async #write(store: Tasks, name: string): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const id = `${name}-${n}`;
      await store.create({ secret: PAYLOAD_SECRET }, { id }).then(
        () => this.#acknowledge(id),
        () => pause(10),
      );
    }
  }

  #acknowledge(id: string): void {
    const now = performance.now();
    this.#acknowledged.push(id);
    this.longestGapMs = Math.max(this.longestGapMs, Math.round(now - this.#lastAt));
    this.#lastAt = now;
  }
}
