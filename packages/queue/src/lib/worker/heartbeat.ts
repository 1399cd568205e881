import { unref } from "../timers.js";
import type { Emit } from "./events.js";
import type { StoreCalls } from "./store-calls.js";
import type { Announcement, AnyJob, PauseAnswer, WorkerStore } from "./worker-store.js";

/** Maximum time between two contacts with the store. A gap of more than five seconds does not count as lease time. */
const CONTACT_MS = 2_000;
/** Time until a heartbeat that failed is repeated. */
const REPEAT_MS = 500;

/** Holder of a lease. */
export interface LeaseHolder {
  /** Snapshot of the claimed job; null if the holder has no lease any more. */
  readonly job: AnyJob | null;
  /** Called if the lease could not be renewed because the job was changed by someone else. */
  leaseLost(): void;
}

export interface HeartbeatOptions {
  readonly store: WorkerStore;
  readonly calls: StoreCalls;
  readonly emit: Emit;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** Returns all holders of leases. */
  readonly holders: () => Iterable<LeaseHolder>;
  /** Returns the worker as it announces itself. */
  readonly announcement: () => Announcement;
  /** Called if the store answers that the queue of the worker is paused. */
  readonly onPaused: (pause: PauseAnswer) => void;
  /** Called after each contact with the store. */
  readonly onContact: () => void;
}

/**
 * Renews the leases of all running jobs of a worker and announces the worker, with one call per heartbeat. Between heartbeats, and without jobs, it only
 * contacts the store, because leases count time by contacts.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #nextBeatAt = 0;
  #calling = false;
  #blockedMs = 0;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Longest time for which the event loop was blocked since the last heartbeat, in milliseconds. */
  get blockedMs(): number {
    return Math.round(this.#blockedMs);
  }

  start(): void {
    this.#nextBeatAt = performance.now();
    this.#tick();
  }

  /** Announces a new state of the worker before the next heartbeat: now, or half a second later if a call is running. */
  announceNow(): void {
    if (this.#timer === null || this.#stopped) return;
    this.#nextBeatAt = performance.now();
    this.#schedule(this.#nextBeatAt);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.calls.forget(this);
  }

  /** Withdraws the announcement, after the last heartbeat. It expires by itself if the store is unavailable. */
  async withdraw(): Promise<void> {
    const { store, calls, announcement } = this.#options;
    if (!calls.available) return;
    const caller = {};
    await calls.once(caller, () => store.announceWorker(announcement(), [], 0));
    calls.forget(caller);
  }

  #schedule(at: number): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, at - performance.now()));
    unref(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (this.#timer !== null) this.#measure(now - this.#dueAt);
    if (this.#calling) {
      // Only one call at a time: while the store is unavailable, calls must not pile up.
      this.#schedule(now + REPEAT_MS);
      return;
    }
    const beat = now >= this.#nextBeatAt;
    if (beat) this.#nextBeatAt = now + this.#options.heartbeatMs;
    this.#schedule(Math.min(this.#nextBeatAt, now + CONTACT_MS));
    void this.#call(beat);
  }

  /** Records how late the timer was. */
  #measure(lateMs: number): void {
    const { heartbeatMs, emit } = this.#options;
    this.#blockedMs = Math.max(this.#blockedMs, lateMs);
    if (lateMs <= heartbeatMs) return;
    const blockedMs = Math.round(lateMs);
    const message = `The event loop was blocked for ${blockedMs} ms, longer than a heartbeat. Run CPU-bound work in a worker thread.`;
    emit({ type: "blocked", message, blockedMs });
  }

  async #call(beat: boolean): Promise<void> {
    const { calls, holders, onPaused, onContact, emit } = this.#options;
    const held = beat
      ? [...holders()].flatMap((holder) => (holder.job === null ? [] : { holder, job: holder.job }))
      : [];
    this.#calling = true;
    try {
      const reply = await calls.once(this, () => (beat ? this.#announce(held) : this.#contact()));
      const renewed = reply?.renewed ?? null;
      held.forEach(({ holder, job }, index) => {
        // The holder can have stored its outcome during the call.
        if (renewed?.[index] === false && holder.job === job) holder.leaseLost();
      });
      if (beat && renewed !== null) this.#blockedMs = 0;
      if (reply !== null && reply.paused !== null && !this.#stopped) onPaused(reply.paused);
      if (renewed === null) this.#repeat(beat);
      else onContact();
    } catch (error) {
      emit({ type: "error", message: "A heartbeat failed unexpectedly. It is repeated.", error });
      this.#repeat(beat);
    } finally {
      this.#calling = false;
      if (this.#stopped) calls.forget(this);
    }
  }

  #announce(held: readonly { readonly job: AnyJob }[]): ReturnType<WorkerStore["announceWorker"]> {
    const { store, leaseMs, announcement } = this.#options;
    return store.announceWorker(
      announcement(),
      held.map(({ job }) => job),
      leaseMs,
    );
  }

  async #contact(): ReturnType<WorkerStore["announceWorker"]> {
    const { store, leaseMs } = this.#options;
    return { renewed: await store.renewLeases([], leaseMs), paused: null };
  }

  #repeat(beat: boolean): void {
    const at = performance.now() + REPEAT_MS;
    if (beat) this.#nextBeatAt = Math.min(this.#nextBeatAt, at);
    if (at < this.#dueAt) this.#schedule(at);
  }
}
