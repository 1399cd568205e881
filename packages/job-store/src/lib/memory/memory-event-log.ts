import { v7 as uuid } from "uuid";
import { Condition } from "../condition.js";
import type { EventLog, LoggedEvent, LogPage, Place, Reading } from "../driver.js";

/** Event that has no position yet. */
export type NewEvent = LoggedEvent extends infer E ? (E extends unknown ? Omit<E, "place"> : never) : never;

/** Number of events to keep, the default of the Redis driver. */
const MAX_EVENTS = 10_000;

/** Event log in memory. The oldest events are removed. */
export class MemoryEventLog implements EventLog {
  readonly #log = uuid();
  readonly #events: LoggedEvent[] = [];
  readonly #readers = new Condition();
  readonly #read: (id: string) => Reading;
  #last = 0;

  /** @param read Reads the current state of a job. */
  constructor(read: (id: string) => Reading) {
    this.#read = read;
  }

  add(event: NewEvent): void {
    this.#last++;
    this.#events.push({ ...event, place: this.#place(this.#last) });
    // Removes 1000 events at once, because removing from the front of an array moves all other elements.
    if (this.#events.length >= MAX_EVENTS + 1000) this.#events.splice(0, 1000);
    this.#readers.wake();
  }

  async tail(): Promise<Place> {
    return this.#place(this.#last);
  }

  async snapshot(id: string): Promise<{ reading: Reading; place: Place; now: number }> {
    return { reading: this.#read(id), place: this.#place(this.#last), now: Date.now() };
  }

  async after(place: Place, options: { limit: number; waitMs: number; signal: AbortSignal }): Promise<LogPage> {
    if (place.log !== this.#log || place.number > this.#last) {
      return { events: [], place: this.#place(0), gap: "the event log was replaced. Read the jobs again" };
    }
    if (place.number === this.#last && !options.signal.aborted) {
      await this.#readers.wait(options.waitMs, options.signal);
    }
    const dropped = this.#last - this.#events.length;
    const first = Math.max(place.number - dropped, 0);
    const events = this.#events.slice(first, first + options.limit);
    const missed = dropped - place.number;
    const gap = missed > 0 ? `${missed} events were removed from the event log. Read the jobs again` : null;
    return { events, place: events.at(-1)?.place ?? place, gap };
  }

  #place(number: number): Place {
    return { log: this.#log, number };
  }
}
