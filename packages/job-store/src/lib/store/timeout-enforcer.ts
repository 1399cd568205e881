import { v7 as uuid } from "uuid";
import type { JobStorage, StoreConfig, TimeoutRule } from "../driver.js";
import { isError } from "../errors.js";
import { settledWithin, unref } from "../timers.js";
import type { InFlightCalls } from "./in-flight-calls.js";

/** Time between two checks. It is also a contact with the storage, which has to be made at least every 2 to 5 seconds. */
const CHECK_MS = 2000;

/** Number of consecutive failures after which the store reports them. */
const REPORTED_FAILURES = 5;

type OverdueJob = Awaited<ReturnType<JobStorage["findOverdue"]>>["jobs"][number];

/**
 * Enforces the time limits of a definition: changes the status of jobs whose time is over. Of all stores that use the same storage, one
 * does it at a time. The others check whether it still does.
 */
export class TimeoutEnforcer {
  readonly #storage: JobStorage;
  readonly #config: StoreConfig;
  readonly #calls: InFlightCalls;
  /** Name of this store among those that enforce. */
  readonly #owner = uuid();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  /** Starts the checks. They end when the store closes. Nothing is sent before the first one. */
  constructor(storage: JobStorage, config: StoreConfig, calls: InFlightCalls) {
    this.#storage = storage;
    this.#config = config;
    this.#calls = calls;
    calls.signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = unref(setTimeout(() => this.#check(), CHECK_MS));
  }

  async #check(): Promise<void> {
    try {
      await this.#calls.run(() => this.#enforce());
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    }
    if (!this.#calls.closed) this.#schedule();
  }

  /** Changes the jobs whose time is over, until no further one is found. */
  async #enforce(): Promise<void> {
    for (;;) {
      const { jobs, more } = await this.#storage.findOverdue(this.#owner);
      const changes = jobs.map((job) => this.#change(job));
      // A job that is not changed is found again. So the change of one job, for example in a dead shard, need not delay the next ones.
      await settledWithin(changes, CHECK_MS);
      if (!more || this.#calls.closed) return;
    }
  }

  async #change({ status, ...target }: OverdueJob): Promise<void> {
    const rule = this.#config.timeouts.get(status);
    if (rule === undefined) return;
    await this.#storage.updateStatus({
      target,
      to: rule.to,
      error: JSON.stringify({ message: messageOf(status, rule), code: "TIMEOUT", retryable: true }),
      metadata: { by: "timeout" },
      outbox: [],
    });
  }

  #failed(error: unknown): void {
    if (this.#calls.closed) return;
    this.#failures++;
    if (this.#failures !== REPORTED_FAILURES) return;
    const reason = isError(error) ? error.message : "The reason is not known.";
    const message = `The timeouts of the jobs are not enforced. ${reason} The store repeats the check every ${CHECK_MS / 1000} s.`;
    this.#config.emit({ type: "warning", message });
  }
}

function messageOf(status: string, { ms }: TimeoutRule): string {
  return `The job was in status "${status}" for ${ms / 1000} s without activity.`;
}
