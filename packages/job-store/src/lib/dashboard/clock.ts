import type { Activity } from "../activity.js";
import type { JobDefinition } from "../definition.js";
import type { DashboardJobStore } from "./options.js";
import { shareCall } from "./promises.js";

/** Time after which the clock is read again, in milliseconds. */
const VALID_MS = 60_000;

/**
 * Clock of the server of a store. The page computes durations from it, because the clocks of the browser and of this process can be wrong. It is
 * never ahead: the difference includes the time of the reply.
 */
export class StoreClock {
  readonly #store: DashboardJobStore;
  #aheadMs = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #read = shareCall(() => this.activity());

  constructor(store: DashboardJobStore) {
    this.#store = store;
  }

  /** Returns the time. Calls at the same time read the clock once. @throws JobStoreError UNAVAILABLE */
  async now(): Promise<Date> {
    if (performance.now() - this.#readAt > VALID_MS) await this.#read();
    return new Date(Date.now() + this.#aheadMs);
  }

  /** Returns the activity of the store, and sets the clock by it. */
  async activity(): Promise<Activity<JobDefinition>> {
    const activity = await this.#store.activity();
    this.#aheadMs = activity.now.getTime() - Date.now();
    this.#readAt = performance.now();
    return activity;
  }
}
