import { checkDate, checkName, checkOptions, checkText, checkTrue } from "./arguments.js";
import type { JobStorage, QueuePause, StoreConfig } from "./driver.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { PAUSE_OPTIONS, RESUME_OPTIONS } from "./option-keys.js";
import type { PausedQueue, PauseOptions, WorkerOperations } from "./worker-operations.js";

/** Operations on workers for any driver: checks arguments, and converts the replies of the storage. */
export class StoreWorkers implements WorkerOperations {
  readonly #storage: JobStorage;
  readonly #calls: InFlightCalls;
  readonly #emit: StoreConfig["emit"];

  constructor(storage: JobStorage, calls: InFlightCalls, emit: StoreConfig["emit"]) {
    this.#storage = storage;
    this.#calls = calls;
    this.#emit = emit;
  }

  async pauseQueue(queue: string, options: PauseOptions = {}): Promise<void> {
    const { until, reason, by, unlessLonger } = checkOptions(options, PAUSE_OPTIONS, "pauseQueue");
    const request = {
      queue: checkName(queue, "queue"),
      until: until === undefined ? null : checkDate(until, "until"),
      reason: checkText(reason, "reason") ?? null,
      by: checkText(by, "by") ?? null,
      unlessLonger: checkTrue(unlessLonger, "unlessLonger") === true,
    };
    await this.#calls.run(() => this.#storage.pauseQueue(request));
    this.#emit({ type: "paused", message: describePause(request) });
  }

  async resumeQueue(queue: string, options: { readonly by?: string | undefined } = {}): Promise<boolean> {
    const name = checkName(queue, "queue");
    const by = checkText(checkOptions(options, RESUME_OPTIONS, "resumeQueue").by, "by");
    const resumed = await this.#calls.run(() => this.#storage.resumeQueue(name));
    const author = by === undefined ? "" : ` by ${by}`;
    if (resumed) this.#emit({ type: "resumed", message: `The queue "${name}" was resumed${author}.` });
    return resumed;
  }

  async pausedQueues(): Promise<readonly PausedQueue[]> {
    const pauses = await this.#calls.run(() => this.#storage.pauses());
    return pauses.map(toPausedQueue).sort((a, b) => (a.queue < b.queue ? -1 : 1));
  }
}

function toPausedQueue({ since, until, ...pause }: QueuePause): PausedQueue {
  return { ...pause, since: new Date(since), until: until === null ? null : new Date(until) };
}

/** Describes a pause in one or two sentences. */
export function describePause({
  queue,
  since,
  until,
  reason,
  by,
}: Omit<QueuePause, "since"> & { since?: number }): string {
  const begin = since === undefined ? "" : ` since ${new Date(since).toISOString()}`;
  const end = until === null ? "until it is resumed" : `until ${new Date(until).toISOString()}`;
  const author = by === null ? "" : `, by ${by}`;
  return `The queue "${queue}" is paused${begin} ${end}${author}.${reason === null ? "" : ` Reason: ${reason}`}`;
}
