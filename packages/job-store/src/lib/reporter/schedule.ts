import type { JobDefinition } from "../definition.js";
import { unref } from "../timers.js";
import type { Lane } from "./lane.js";

/** As many calls as travel together well, and as few as may hang together when the store does. */
const AT_ONCE = 32;
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * Decides which job's turn it is. While the store answers, several are under way at once, every other
 * one with a caller who waits for the answer. While it is away, a few are tried after each pause, others each time, so that where only a part of
 * the store is away, it does not hold up the rest. Pauses double, with jitter, and keep no process alive.
 */
export class Schedule<D extends JobDefinition> {
  readonly #run: (lane: Lane<D>) => Promise<void>;
  readonly #first = new Set<Lane<D>>();
  readonly #later = new Set<Lane<D>>();
  /** They take turns, so that neither waits for the other to run dry. */
  #turn = false;
  #active = 0;
  #misses = 0;
  #pause: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param run has the lane's next step tried, and tells by `heard` how it went. Never rejects */
  constructor(run: (lane: Lane<D>) => Promise<void>) {
    this.#run = run;
  }

  /** The store has not been heard of since it last failed to answer. */
  get isAway(): boolean {
    return this.#misses > 0;
  }

  add(lane: Lane<D>): void {
    this.#first.delete(lane);
    this.#later.delete(lane);
    (lane.isNew ? this.#first : this.#later).add(lane);
    this.#begin();
  }

  heard(answered: boolean): void {
    if (answered) {
      this.#misses = 0;
      clearTimeout(this.#pause);
      this.#pause = undefined;
    } else if (this.#pause === undefined && !this.#stopped) {
      const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** this.#misses++, LONGEST_PAUSE_MS);
      const resume = () => {
        this.#pause = undefined;
        this.#begin();
      };
      this.#pause = unref(setTimeout(resume, pauseMs * (0.5 + Math.random() / 2)));
    }
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
  }

  #begin(): void {
    while (!this.#stopped && this.#pause === undefined && this.#active < AT_ONCE) {
      this.#turn = !this.#turn;
      const [lane] = this.#later.size === 0 || (this.#turn && this.#first.size > 0) ? this.#first : this.#later;
      if (lane === undefined) return;
      this.#first.delete(lane);
      this.#later.delete(lane);
      if (lane.isReady) void this.#take(lane);
    }
  }

  async #take(lane: Lane<D>): Promise<void> {
    this.#active++;
    await this.#run(lane);
    this.#active--;
    this.#begin();
  }
}
