import { checkInteger } from "../arguments.js";
import { unavailable } from "../errors.js";
import type { StoreEvent } from "../events.js";

/** Fault injection for tests. It affects every store of the driver. */
export interface MemoryFaults {
  /**
   * Makes every call fail with UNAVAILABLE and `indeterminate: false` until `comeBack`. Calls fail at once, while calls to Redis
   * first wait for the server until their timeout. Jobs are kept, and a `watch` continues afterwards without missing an event.
   */
  goAway(): void;
  /** Makes calls succeed again. */
  comeBack(): void;
  /**
   * Applies the next changes and loses their replies: the calls fail with UNAVAILABLE and `indeterminate: true`. Each created,
   * saved, changed or deleted job counts, and so does stored progress. A call that changes nothing does not count.
   *
   * @param count Number of changes, 1–1,000,000. @default 1
   */
  loseReplies(count?: number): void;
}

/** Reason of errors between `goAway` and `comeBack`. */
export const AWAY = "The memory driver is unavailable (simulated by faults.goAway).";

/** Receives the events of one store. */
type Listener = (event: StoreEvent) => void;

/** Faults that are active now. */
export class FaultInjection implements MemoryFaults {
  readonly #listeners = new Set<Listener>();
  #away = false;
  #repliesToLose = 0;

  get isAway(): boolean {
    return this.#away;
  }

  /** @throws JobStoreError UNAVAILABLE between `goAway` and `comeBack` */
  checkAvailable(): void {
    if (this.#away) throw unavailable(AWAY, false);
  }

  /** Returns the reply to a call that was made. @throws JobStoreError UNAVAILABLE if this reply is to be lost, after a change only */
  replyOrLose<R>(reply: R, isChange = true): R {
    if (!isChange || this.#repliesToLose === 0) return reply;
    this.#repliesToLose--;
    throw unavailable("The reply was lost (simulated by faults.loseReplies).", true);
  }

  addListener(listener: Listener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  goAway(): void {
    if (this.#away) return;
    this.#away = true;
    this.#emit({ type: "disconnected", message: AWAY });
  }

  comeBack(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#emit({ type: "connected", message: "The memory driver is available again." });
  }

  loseReplies(count = 1): void {
    this.#repliesToLose = checkInteger(count, "count", 1, 1_000_000);
  }

  #emit(event: StoreEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
