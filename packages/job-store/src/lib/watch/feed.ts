import { setTimeout as pause } from "node:timers/promises";
import type { EventLog, LogPage, Place } from "../driver.js";
import type { News, Subscription } from "./subscription.js";

const PAGE = 1000;
const WAIT_MS = 1000;
const RETRY_MS = 200;

/**
 * Reads one log for all who watch it: a single reader, however many watchers there are. It runs while anyone listens,
 * and picks up after an outage where it had been.
 */
export class Feed {
  readonly log: EventLog;
  readonly #all = new Set<Subscription>();
  readonly #byJob = new Map<string, Set<Subscription>>();
  #running: AbortController | undefined;

  constructor(log: EventLog) {
    this.log = log;
  }

  /** From here on, news go to the subscription; what happened before, its owner reads from the log. */
  subscribe(subscription: Subscription): void {
    const { id } = subscription;
    if (id === null) this.#all.add(subscription);
    else this.#byJob.set(id, (this.#byJob.get(id) ?? new Set()).add(subscription));
  }

  unsubscribe(subscription: Subscription): void {
    this.#all.delete(subscription);
    if (subscription.id !== null) {
      const sharing = this.#byJob.get(subscription.id);
      sharing?.delete(subscription);
      if (sharing?.size === 0) this.#byJob.delete(subscription.id);
    }
    if (this.#all.size > 0 || this.#byJob.size > 0) return;
    this.#running?.abort();
    this.#running = undefined;
  }

  /** Whether the log is being read already; else it is from now on, beginning after `place`. */
  start(place: Place): boolean {
    if (this.#running !== undefined) return true;
    this.#running = new AbortController();
    void this.#run(place, this.#running.signal);
    return false;
  }

  async #run(start: Place, signal: AbortSignal): Promise<void> {
    let place = start;
    while (!signal.aborted) {
      const page = await this.#nextPage(place, signal);
      if (page === null || signal.aborted) continue;
      if (page.gap !== null) this.#tellEveryone({ type: "resync", reason: page.gap, place });
      for (const event of page.events) {
        for (const subscription of this.#all) subscription.add({ ...event, feed: this });
        for (const subscription of this.#byJob.get(event.id) ?? []) subscription.add({ ...event, feed: this });
      }
      place = page.place;
    }
  }

  /** null: the log is out of reach. Nothing is lost by that which it still holds when it is back. */
  async #nextPage(place: Place, signal: AbortSignal): Promise<LogPage | null> {
    try {
      return await this.log.after(place, { limit: PAGE, waitMs: WAIT_MS, signal });
    } catch {
      await pause(RETRY_MS, undefined, { signal }).catch(() => {});
      return null;
    }
  }

  #tellEveryone(news: Omit<Extract<News, { type: "resync" }>, "feed">): void {
    for (const subscription of this.#all) subscription.add({ ...news, feed: this });
    for (const sharing of this.#byJob.values()) {
      for (const subscription of sharing) subscription.add({ ...news, feed: this });
    }
  }
}
