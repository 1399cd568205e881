import { Condition } from "../condition.js";
import type { EventLog, LoggedEvent, LogPage, LogPosition } from "../driver.js";

/** Maximum number of events in a page of the log. */
const MAX_PAGE = 1000;
/** Time to wait for the first event of a page, in milliseconds. */
const WAIT_MS = 1000;
/** Pause after a read that failed, in milliseconds. */
const RETRY_MS = 200;
/** Maximum number of events that wait for one consumer of `watch`. On overflow they are dropped, and `resync` is emitted. */
const MAX_QUEUED = 1000;

/** Marks that events up to `position` are missing. */
export interface Resync {
  readonly type: "resync";
  readonly reason: string;
  readonly position: LogPosition;
  /** True if the log went back to this position. Consumers that have seen later events also get the resync. */
  readonly rewound: boolean;
  readonly reader: SharedLogReader;
}

/** Event of a log, or a resync, with the reader that delivered it. */
export type QueuedEvent = (LoggedEvent & { readonly reader: SharedLogReader }) | Resync;

/** Returns true if the log went back to an earlier position. */
export function isRewound(event: QueuedEvent): boolean {
  return event.type === "resync" && event.rewound;
}

/** Queue of the events for one consumer. It has a maximum length, so a slow consumer delays no other one. */
export class Subscription {
  /** Job whose events the consumer receives. null: events of all jobs. */
  readonly id: string | null;
  #queue: QueuedEvent[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(id: string | null) {
    this.id = id;
  }

  add(event: QueuedEvent): void {
    if (this.#queue.length < MAX_QUEUED) this.#queue.push(event);
    else this.#queue = resyncsFor([...this.#queue, event]);
    this.#wake?.();
  }

  /** Number of events in the queue. */
  get length(): number {
    return this.#queue.length;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Waits for events and takes all of them. Returns null if the subscription has ended. */
  async take(): Promise<readonly QueuedEvent[] | null> {
    while (this.#queue.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#queue;
    this.#queue = [];
    return this.#ended ? null : taken;
  }
}

/** Returns one resync per log that replaces all these events, up to the last one of the log. */
function resyncsFor(events: readonly QueuedEvent[]): Resync[] {
  const reason = `the consumer is more than ${MAX_QUEUED} events behind. Read the jobs again.`;
  const lastPositions = new Map(events.map(({ reader, position }) => [reader, position]));
  const rewound = new Set(events.filter(isRewound).map(({ reader }) => reader));
  return [...lastPositions].map(([reader, position]) => {
    return { type: "resync", reason, position, reader, rewound: rewound.has(reader) };
  });
}

/**
 * Reads one log for all its consumers. It runs while there are subscriptions, and continues after an outage at the position
 * that it had reached. A read in progress is not aborted when the last consumer leaves, because the read of the next consumer
 * would have to wait until it ends.
 */
export class SharedLogReader {
  readonly log: EventLog;
  readonly #ofAllJobs = new Set<Subscription>();
  readonly #byJob = new Map<string, Set<Subscription>>();
  readonly #end: AbortSignal;
  #running = false;

  /** @param end Aborts when the store closes. */
  constructor(log: EventLog, end: AbortSignal) {
    this.log = log;
    this.#end = end;
  }

  /** Delivers all later events to the subscription. The consumer itself reads earlier events from the log. */
  subscribe(subscription: Subscription): void {
    const { id } = subscription;
    if (id === null) this.#ofAllJobs.add(subscription);
    else this.#byJob.set(id, (this.#byJob.get(id) ?? new Set()).add(subscription));
  }

  unsubscribe(subscription: Subscription): void {
    this.#ofAllJobs.delete(subscription);
    if (subscription.id === null) return;
    const ofJob = this.#byJob.get(subscription.id);
    ofJob?.delete(subscription);
    if (ofJob?.size === 0) this.#byJob.delete(subscription.id);
  }

  /** Starts to read after this position. Returns true, and does nothing, if the reader runs already. */
  start(position: LogPosition): boolean {
    if (this.#running) return true;
    this.#running = true;
    void this.#run(position);
    return false;
  }

  async #run(start: LogPosition): Promise<void> {
    let position = start;
    while (!this.#end.aborted && (this.#ofAllJobs.size > 0 || this.#byJob.size > 0)) {
      const page = await this.pageAfter(position, WAIT_MS);
      if (page === null || this.#end.aborted) continue;
      const gap = gapOf(page, position);
      if (gap !== null) this.#deliver(gap, [...this.#byJob.keys()]);
      for (const event of page.events) this.#deliver(event, [event.id]);
      position = page.position;
    }
    this.#running = false;
  }

  /** Delivers an event to the subscriptions of all jobs, and to those of these jobs. */
  #deliver(event: LoggedEvent | Omit<Resync, "reader">, jobIds: readonly string[]): void {
    const queued = { ...event, reader: this };
    for (const subscription of this.#ofAllJobs) subscription.add(queued);
    for (const id of jobIds) {
      for (const subscription of this.#byJob.get(id) ?? []) subscription.add(queued);
    }
  }

  /**
   * Reads the next page of the log. Returns null after a pause if the log cannot be read. The caller then tries again, and
   * misses no event that is still in the log.
   */
  async pageAfter(position: LogPosition, waitMs: number): Promise<LogPage | null> {
    const signal = this.#end;
    try {
      return await this.log.after(position, { limit: MAX_PAGE, waitMs, signal });
    } catch {
      if (!signal.aborted) await new Condition().wait(RETRY_MS, signal);
      return null;
    }
  }
}

/**
 * Returns a resync for the events that are missing between a position and the page after it, or null if none is missing. Its
 * position is the end of the gap: only consumers that have not reached it get the resync.
 */
export function gapOf({ gap, events: [first], position }: LogPage, asked: LogPosition): Omit<Resync, "reader"> | null {
  if (gap === null) return null;
  const end = first === undefined ? position : { log: first.position.log, number: first.position.number - 1 };
  // If the page has events, those before them were removed from the log. If it has none, the log went back.
  return { type: "resync", reason: gap, position: end, rewound: end.log === asked.log && first === undefined };
}
