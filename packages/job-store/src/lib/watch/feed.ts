import type { EventLog, LogPage, Place } from "../driver.js";
import { Waiters } from "../waiters.js";
import type { Resync, Subscription } from "./subscription.js";

const PAGE = 1000;
const WAIT_MS = 1000;
const RETRY_MS = 200;

/**
 * Reads one log for all who watch it: a single reader, however many watchers there are. It runs while anyone listens,
 * and picks up after an outage where it had been. A read under way is not given up when the last watcher leaves, because
 * the next one would have to wait behind it.
 */
export class Feed {
  readonly log: EventLog;
  readonly #all = new Set<Subscription>();
  readonly #byJob = new Map<string, Set<Subscription>>();
  readonly #end: AbortSignal;
  #running = false;

  /** @param end aborts when the store closes, whatever its watchers do then */
  constructor(log: EventLog, end: AbortSignal) {
    this.log = log;
    this.#end = end;
  }

  /** From here on, news go to the subscription; what happened before, its owner reads from the log. */
  subscribe(subscription: Subscription): void {
    const { id } = subscription;
    if (id === null) this.#all.add(subscription);
    else this.#byJob.set(id, (this.#byJob.get(id) ?? new Set()).add(subscription));
  }

  unsubscribe(subscription: Subscription): void {
    this.#all.delete(subscription);
    if (subscription.id === null) return;
    const sharing = this.#byJob.get(subscription.id);
    sharing?.delete(subscription);
    if (sharing?.size === 0) this.#byJob.delete(subscription.id);
  }

  /** Whether the log is being read already; else it is from now on, beginning after `place`. */
  start(place: Place): boolean {
    if (this.#running) return true;
    this.#running = true;
    void this.#run(place);
    return false;
  }

  async #run(start: Place): Promise<void> {
    let place = start;
    while (!this.#end.aborted && (this.#all.size > 0 || this.#byJob.size > 0)) {
      const page = await this.pageAfter(place, WAIT_MS);
      if (page === null || this.#end.aborted) continue;
      const gap = gapOf(page, place);
      if (gap !== null) this.#tellEveryone(gap);
      for (const event of page.events) {
        for (const subscription of this.#all) subscription.add({ ...event, feed: this });
        for (const subscription of this.#byJob.get(event.id) ?? []) subscription.add({ ...event, feed: this });
      }
      place = page.place;
    }
    this.#running = false;
  }

  /**
   * Reads the next page of the log. Returns null after a pause if the log cannot be read: the caller tries again, and loses
   * nothing that the log still holds then.
   */
  async pageAfter(place: Place, waitMs: number): Promise<LogPage | null> {
    const signal = this.#end;
    try {
      return await this.log.after(place, { limit: PAGE, waitMs, signal });
    } catch {
      if (!signal.aborted) await new Waiters().wait(RETRY_MS, signal);
      return null;
    }
  }

  #tellEveryone(news: Omit<Resync, "feed">): void {
    for (const subscription of this.#all) subscription.add({ ...news, feed: this });
    for (const sharing of this.#byJob.values()) {
      for (const subscription of sharing) subscription.add({ ...news, feed: this });
    }
  }
}

/** Returns the gap in a page after `asked`, with its end: only consumers that have not seen that place get the resync. */
export function gapOf({ gap, events: [first], place }: LogPage, asked: Place): Omit<Resync, "feed"> | null {
  if (gap === null) return null;
  const end = first === undefined ? place : { log: first.place.log, number: first.place.number - 1 };
  return { type: "resync", reason: gap, place: end, rewound: end.log === asked.log && end.number < asked.number };
}
