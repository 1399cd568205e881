import { checkInteger } from "../arguments.js";
import { unavailable } from "../errors.js";
import type { StoreEvent } from "../types.js";

/** Faults on demand, for tests of what uses a store. They meet every store over the driver. */
export interface MemoryFaults {
  /**
   * Has every call fail until `comeBack`, UNAVAILABLE with `indeterminate: false`: at once, where calls to Redis wait for it
   * within their time. Jobs stay, and what watches goes on after it and has missed nothing.
   */
  goAway(): void;
  /** Answers calls again. */
  comeBack(): void;
  /**
   * The next changes are made and their replies get lost: UNAVAILABLE with `indeterminate: true`. Each job that is created,
   * saved, moved or deleted counts, and recorded progress; a call that changes nothing does not.
   *
   * @param count 1–1,000,000. @default 1
   */
  loseReplies(count?: number): void;
}

/** What is said of calls meanwhile. */
export const AWAY = "The memory driver is away, see faults.goAway.";

/** Where a store is told that its place is away, or back. */
type Emit = (event: StoreEvent) => void;

/** What is wrong at present. */
export class FaultInjection implements MemoryFaults {
  readonly #stores = new Set<Emit>();
  #away = false;
  #repliesToLose = 0;

  get isAway(): boolean {
    return this.#away;
  }

  /** @throws JobStoreError UNAVAILABLE while nothing can be asked */
  checkAvailable(): void {
    if (this.#away) throw unavailable(AWAY, false);
  }

  /** Hands over the reply to a change that has been made. @throws JobStoreError UNAVAILABLE where it is one that gets lost */
  replyOrLose<R>(reply: R): R {
    if (this.#repliesToLose === 0) return reply;
    this.#repliesToLose--;
    throw unavailable("The reply was lost, see faults.loseReplies.", true);
  }

  addListener(emit: Emit): void {
    this.#stores.add(emit);
  }

  removeListener(emit: Emit): void {
    this.#stores.delete(emit);
  }

  goAway(): void {
    if (this.#away) return;
    this.#away = true;
    this.#tell({ type: "disconnected", message: "The memory driver is away." });
  }

  comeBack(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#tell({ type: "connected", message: "The memory driver is back." });
  }

  loseReplies(count = 1): void {
    this.#repliesToLose = checkInteger(count, "count", 1, 1_000_000);
  }

  #tell(event: StoreEvent): void {
    for (const emit of [...this.#stores]) emit(event);
  }
}
