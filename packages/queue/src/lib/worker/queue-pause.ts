import { unref } from "../timers.js";
import type { Emit } from "./events.js";
import type { StoreCalls } from "./store-calls.js";
import type { PauseAnswer, WorkerStore } from "./worker-store.js";

/** Time between two checks for the end of the pause. */
const CHECK_MS = 2_000;

export interface QueuePauseOptions {
  readonly store: WorkerStore;
  readonly calls: StoreCalls;
  readonly emit: Emit;
  /** Name of the queue. */
  readonly queue: string;
  /** Author of the pauses that this worker requests. */
  readonly by: string;
  /** Called when the worker learns that its queue is paused. */
  readonly onBegin: () => void;
  /** Called when the worker learns that its queue is no longer paused. */
  readonly onEnd: () => void;
}

/** Pause of the worker's queue, which the store keeps for all workers. While it lasts, the worker checks for its end every two seconds. */
export class QueuePause {
  readonly #options: QueuePauseOptions;
  #active = false;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: QueuePauseOptions) {
    this.#options = options;
  }

  /** True while the queue is paused, as far as this worker knows. */
  get active(): boolean {
    return this.#active;
  }

  /** Notes that the queue is paused. */
  begin({ until, reason }: PauseAnswer): void {
    if (this.#active || this.#stopped) return;
    this.#active = true;
    const { queue, emit, onBegin } = this.#options;
    const end = until === null ? "until it is resumed" : `until ${until.toISOString()}`;
    const why = reason === null ? "" : ` Reason: ${reason}`;
    emit({ type: "paused", message: `The queue "${queue}" is paused for all workers ${end}.${why}` });
    onBegin();
    this.#schedule();
  }

  /** Pauses the queue for all workers, unless it is paused for longer. Reports a failure as an event. */
  async request(until: Date, reason: string): Promise<void> {
    const { store, calls, queue, by, emit } = this.#options;
    const caller = {};
    const paused = await calls.once(caller, async () => {
      await store.pauseQueue(queue, { until, reason, by, unlessLonger: true });
      return true;
    });
    calls.forget(caller);
    if (paused === true) this.begin({ until, reason });
    else emit({ type: "error", message: `The queue "${queue}" could not be paused, so its other jobs can start.` });
  }

  /** Ends the checks. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.calls.forget(this);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#check(), CHECK_MS);
    unref(this.#timer);
  }

  async #check(): Promise<void> {
    const { store, calls, queue, emit, onEnd } = this.#options;
    try {
      const paused = await calls.once(this, () => store.pausedQueues());
      if (this.#stopped) {
        calls.forget(this);
        return;
      }
      if (paused !== null && !paused.some((one) => one.queue === queue)) {
        this.#active = false;
        emit({ type: "resumed", message: `The queue "${queue}" is not paused any more.` });
        onEnd();
        return;
      }
    } catch (error) {
      emit({ type: "error", message: `The pause of the queue "${queue}" cannot be checked.`, error });
    }
    this.#schedule();
  }
}
