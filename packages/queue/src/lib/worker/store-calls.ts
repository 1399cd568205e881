import { JobStoreError } from "@subtitles/job-store";
import { Delays } from "./delays.js";
import type { Emit } from "./events.js";

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;

/** Thrown by a repeated call that is no longer needed: the worker closes, or its store was closed. */
export class CallStopped extends Error {}

/**
 * Calls of a worker to its store. It repeats calls while the store is unavailable, knows if the store is available, and ends the
 * repetitions when the worker closes.
 */
export class StoreCalls {
  readonly #emit: Emit;
  readonly #onClosed: () => void;
  readonly #delays = new Delays();
  /** Callers whose latest call failed because the store is unavailable. */
  readonly #failing = new Set<object>();
  #lastOutage = Number.NEGATIVE_INFINITY;
  #stopped = false;

  /** @param onClosed called when a call finds that the store was closed */
  constructor(emit: Emit, onClosed: () => void) {
    this.#emit = emit;
    this.#onClosed = onClosed;
  }

  get available(): boolean {
    return this.#failing.size === 0;
  }

  /** Returns true if the store is unavailable, or was at some moment since this time of `performance.now()`. */
  wasUnavailableSince(time: number): boolean {
    return this.#failing.size > 0 || this.#lastOutage >= time;
  }

  /** Records an outage that no call of the worker may notice. */
  noteOutage(): void {
    this.#lastOutage = performance.now();
  }

  /** Ends the repetitions of all calls. They throw CallStopped. */
  stop(): void {
    this.#stopped = true;
    this.#delays.end();
  }

  /**
   * Makes a call and repeats it while the store is unavailable. The first call is made synchronously.
   *
   * @param isNeeded checked before each repetition. @default always
   * @throws CallStopped; the other errors of the call
   */
  repeat<T>(call: () => Promise<T>, isNeeded: () => boolean = () => true): Promise<T> {
    // Almost every first call succeeds, and needs nothing else.
    return call().catch((error: unknown) => this.#repeat(error, call, isNeeded));
  }

  async #repeat<T>(firstError: unknown, call: () => Promise<T>, isNeeded: () => boolean): Promise<T> {
    const caller = {};
    try {
      this.#failed(caller, firstError);
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
        // With jitter, so that the calls of many workers do not meet.
        await this.#delays.wait(pauseMs * (0.5 + Math.random() / 2));
        if (this.#stopped || !isNeeded()) throw new CallStopped();
        try {
          return await call();
        } catch (error) {
          this.#failed(caller, error);
        }
      }
    } finally {
      this.#succeeded(caller);
    }
  }

  /**
   * Makes a call once. Returns null if the store is unavailable or was closed.
   *
   * @param caller identifies all calls of one kind: the store counts as available again when the next of them succeeds
   * @throws the other errors of the call
   */
  async once<T>(caller: object, call: () => Promise<T>): Promise<T | null> {
    try {
      const result = await call();
      this.#succeeded(caller);
      return result;
    } catch (error) {
      if (!isUnavailable(error)) this.#succeeded(caller);
      try {
        this.#failed(caller, error);
      } catch (other) {
        if (!(other instanceof CallStopped)) throw other;
      }
      return null;
    }
  }

  /** Forgets the caller of `once`. */
  forget(caller: object): void {
    this.#succeeded(caller);
  }

  #failed(caller: object, error: unknown): void {
    if (JobStoreError.is(error, "CLOSED")) {
      this.#onClosed();
      throw new CallStopped();
    }
    if (!isUnavailable(error)) throw error;
    if (this.#failing.size === 0) {
      this.#emit({ type: "unavailable", message: `The store is unavailable. ${error.message}`, error });
    }
    this.#failing.add(caller);
    this.#lastOutage = performance.now();
  }

  #succeeded(caller: object): void {
    if (!this.#failing.delete(caller)) return;
    this.#lastOutage = performance.now();
    // A stopped call ends without an answer of the store.
    if (this.#failing.size > 0 || this.#stopped) return;
    this.#emit({ type: "available", message: "The store is available again." });
  }
}

/**
 * Returns true for an error of a store that this process cannot use at present. A store of a newer format needs another version of this
 * process; until then, its messages stay in the queue.
 */
export function isUnavailable(error: unknown): error is JobStoreError {
  return JobStoreError.is(error, "UNAVAILABLE") || JobStoreError.is(error, "NEWER_FORMAT");
}
