import { v7 as uuid } from "uuid";
import { Condition } from "../condition.js";
import type { EventLog, LoggedEvent, LogPage, LogPosition, ReadResult } from "../driver.js";
import { eventsRemoved, LOG_RESET } from "../driver-rules.js";

/** Event that has no position yet. */
export type NewEvent = LoggedEvent extends infer E ? (E extends unknown ? Omit<E, "position"> : never) : never;

/** Number of events to keep, the default of the Redis driver. */
const MAX_EVENTS = 10_000;

/** Event log in memory. The oldest events are removed. */
export class MemoryEventLog implements EventLog {
  readonly #log = uuid();
  readonly #events: LoggedEvent[] = [];
  readonly #readers = new Condition();
  readonly #read: (id: string) => ReadResult;
  #last = 0;

  /** @param read Reads the current state of a job. */
  constructor(read: (id: string) => ReadResult) {
    this.#read = read;
  }

  add(event: NewEvent): void {
    this.#last++;
    this.#events.push({ ...event, position: this.#position(this.#last) });
    // Removes 1000 events at once, because removing from the front of an array moves all other elements.
    if (this.#events.length >= MAX_EVENTS + 1000) this.#events.splice(0, 1000);
    this.#readers.notify();
  }

  async tail(): Promise<LogPosition> {
    return this.#position(this.#last);
  }

  async snapshot(id: string): Promise<{ job: ReadResult; position: LogPosition; now: number }> {
    return { job: this.#read(id), position: this.#position(this.#last), now: Date.now() };
  }

  async after(
    position: LogPosition,
    options: { limit: number; waitMs: number; signal: AbortSignal },
  ): Promise<LogPage> {
    if (position.log !== this.#log || position.number > this.#last) {
      return { events: [], position: this.#position(0), gap: LOG_RESET };
    }
    if (position.number === this.#last && !options.signal.aborted) {
      await this.#readers.wait(options.waitMs, options.signal);
    }
    const dropped = this.#last - this.#events.length;
    const first = Math.max(position.number - dropped, 0);
    const events = this.#events.slice(first, first + options.limit);
    const missed = dropped - position.number;
    const gap = missed > 0 ? eventsRemoved(missed) : null;
    return { events, position: events.at(-1)?.position ?? position, gap };
  }

  #position(number: number): LogPosition {
    return { log: this.#log, number };
  }
}
