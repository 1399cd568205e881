import type { ClaimRequest, OutgoingMessage, StatusUpdate, StoredMessage } from "../driver.js";
import { DueTimes } from "./due-times.js";
import type { MemoryPlaces } from "./memory-places.js";
import { ReachableClock } from "./reachable-clock.js";
import type { StoredJob } from "./stored-job.js";
import {
  finish,
  type KeptMessage,
  type LimitedKey,
  newState,
  setMark,
  storeMessage,
  type WorkState,
} from "./work-state.js";

/** Leases of jobs, and the messages that are sent again when they end. */
export class WorkTable {
  readonly clock = new ReachableClock();
  readonly #states = new Map<string, WorkState>();
  /** Ends of the leases of workers, by the reachable clock. */
  readonly #leases = new DueTimes();
  /** Ends of the leases that no worker owns, by the system's clock. */
  readonly #waits = new DueTimes();
  /** Ids of the jobs whose lease ended and whose message is not sent yet. */
  readonly #ended = new Set<string>();
  readonly #onChange: () => void;
  readonly #places: MemoryPlaces;

  /** @param onChange Called if a message may have to be sent earlier than before. */
  constructor(onChange: () => void, places: MemoryPlaces) {
    this.#onChange = onChange;
    this.#places = places;
  }

  /** Returns the state of the job's present run. undefined: nothing is known about it. */
  peek(job: StoredJob): WorkState | undefined {
    const state = this.#states.get(job.id);
    return state?.createdAt === job.createdAt && state.attempt === job.attempt ? state : undefined;
  }

  /** Returns the state of the job's present run, and creates it if there is none. */
  of(job: StoredJob): WorkState {
    const known = this.peek(job);
    if (known !== undefined) return known;
    const state = newState(job);
    this.#states.set(job.id, state);
    return state;
  }

  delete(id: string): void {
    this.#states.delete(id);
    this.#forgetEnds(id);
    this.#places.delete(id);
  }

  /** Returns the end of the job's lease. null: it has none, or its time is over. */
  leasedUntil(job: StoredJob): number | null {
    const lease = this.peek(job)?.lease ?? null;
    if (lease === null || this.#isOver(lease)) return null;
    return lease.owned ? lease.until + this.clock.away : lease.until;
  }

  /** Ends the job's lease if its time is over. */
  settle(job: StoredJob, state: WorkState): void {
    if (state.lease !== null && this.#isOver(state.lease)) this.#end(job.id, state, "time");
  }

  /** Gives a lease to a worker that claimed the job. `limited`: key for which it counts. */
  claim(job: StoredJob, state: WorkState, { key, message, leaseMs }: ClaimRequest, limited: LimitedKey | null): void {
    const { version, updatedAt: at } = job;
    const { failedAttempts, expiredLeases } = state;
    storeMessage(state, message, version);
    state.claim = { key, queue: message.queue, messageId: message.id, version, at, failedAttempts, expiredLeases };
    setMark(state.newestClaim, message.queue, { version, at });
    state.expired = false;
    state.limited = limited;
    this.giveLease(job.id, state, leaseMs);
  }

  /** Gives a worker a lease from now on. A lease that ended at its time, and is given again, does not count as expired. */
  giveLease(id: string, state: WorkState, leaseMs: number): void {
    if (state.expired) state.expiredLeases--;
    state.expired = false;
    const until = this.clock.now + leaseMs;
    state.lease = { until, owned: true };
    this.#forgetEnds(id);
    if (state.limited === null) this.#places.leave(id);
    else this.#places.enter(id, state.limited);
    this.#leases.set(id, until);
    this.#onChange();
  }

  /** Sets the end of the job's lease, as `renewLeases` does. Returns true if the lease was changed. */
  renew(job: StoredJob, leaseMs: number): boolean {
    const state = this.peek(job);
    if (state === undefined) return false;
    if (leaseMs === 0) {
      this.settle(job, state);
      return this.#end(job.id, state, "zero");
    }
    if (state.lease === null ? !state.expired : !state.lease.owned) return false;
    this.giveLease(job.id, state, leaseMs);
    return true;
  }

  /**
   * Records a change of the job other than a claim.
   *
   * @param from Status before the change.
   * @returns remembered messages to send
   */
  change(
    job: StoredJob,
    update: Pick<StatusUpdate, "handled" | "leaseMs" | "failedAttempt">,
    { from, isFinal }: { readonly from: string; readonly isFinal: boolean },
  ): readonly KeptMessage[] {
    const state = update.failedAttempt === true ? this.of(job) : this.peek(job);
    if (state === undefined) return [];
    const { claim } = state;
    if (update.handled === true && claim !== null) {
      setMark(state.handled, claim.queue, { version: claim.version, at: claim.at });
    }
    if (from !== job.status) state.failedAttempts = 0;
    else if (update.failedAttempt === true) state.failedAttempts++;
    state.expiredLeases = 0;
    state.expired = false;
    if (update.leaseMs !== undefined) {
      this.#wait(job.id, state, update.leaseMs);
      return [];
    }
    this.#drop(job.id, state);
    const { remembered } = state;
    if (isFinal) finish(state);
    if (isFinal || from === job.status) return [];
    state.remembered = [];
    return remembered;
  }

  /**
   * Records that the job was saved: a worker's lease ends, and one that no worker owns continues if the job can have a lease in the status.
   *
   * @returns messages to send
   */
  save(
    before: StoredJob,
    job: StoredJob,
    { isFinal, canHaveLease }: { readonly isFinal: boolean; readonly canHaveLease: boolean },
  ): readonly KeptMessage[] {
    const state = this.peek(before);
    if (state === undefined) return [];
    state.createdAt = job.createdAt;
    state.attempt = job.attempt;
    if (state.lease?.owned === true) this.#end(job.id, state, "zero");
    if (before.status !== job.status) state.failedAttempts = 0;
    state.expiredLeases = 0;
    state.expired = false;
    if (canHaveLease) return [];
    const { stored, remembered } = state;
    const isWaiting = state.lease !== null || this.#ended.has(job.id);
    this.#drop(job.id, state);
    if (isFinal) {
      finish(state);
      return [];
    }
    state.remembered = [];
    return isWaiting && stored !== null ? [stored, ...remembered] : remembered;
  }

  /** Records the messages that a change of the job stored. */
  addMessages(job: StoredJob, messages: readonly OutgoingMessage[]): void {
    for (const { queue, delayMs } of messages) {
      setMark(this.of(job).newestMessage, queue, { version: job.version, at: job.updatedAt + delayMs });
    }
  }

  /** Records that a scheduled message gets another due time, or is cancelled (null), if it is the newest one of its queue. */
  reschedule({ jobId, queue, origin }: StoredMessage, dueAt: number | null): void {
    const state = this.#states.get(jobId);
    if (state === undefined || origin === null) return;
    if (state.createdAt !== origin.createdAt || state.attempt !== origin.attempt) return;
    const newest = state.newestMessage.get(queue);
    if (newest?.version !== origin.version || newest.at !== origin.dueAt) return;
    if (dueAt === null) state.newestMessage.delete(queue);
    else state.newestMessage.set(queue, { ...newest, at: dueAt });
  }

  /** Time in milliseconds until the next lease ends. */
  get msToNextEnd(): number {
    if (this.#ended.size > 0) return 0;
    return Math.min(this.#leases.next - this.clock.now, this.#waits.next - Date.now());
  }

  /** Ends the leases whose time is over. */
  endDue(): void {
    for (const id of [...this.#leases.take(this.clock.now), ...this.#waits.take(Date.now())]) {
      const state = this.#states.get(id);
      if (state !== undefined) this.#end(id, state, "time");
    }
  }

  /** Ends the leases whose time is over. Returns the ids of the jobs whose stored messages are to be sent again. */
  takeEnded(): readonly string[] {
    this.endDue();
    const ended = [...this.#ended];
    this.#ended.clear();
    return ended;
  }

  #isOver({ until, owned }: NonNullable<WorkState["lease"]>): boolean {
    return until <= (owned ? this.clock.now : Date.now());
  }

  /** Ends a lease, so that the next reader of the outbox receives the stored message. Returns false if there is no lease. */
  #end(id: string, state: WorkState, how: "time" | "zero"): boolean {
    const { lease } = state;
    if (lease === null) return false;
    state.expired = how === "time" && lease.owned;
    if (state.expired) state.expiredLeases++;
    state.leaseEndedAt = state.expired ? lease.until : this.clock.now;
    state.lease = null;
    this.#forgetEnds(id);
    this.#ended.add(id);
    this.#places.leave(id);
    this.#onChange();
    return true;
  }

  /** Gives a lease that no worker owns. */
  #wait(id: string, state: WorkState, leaseMs: number): void {
    const until = Date.now() + leaseMs;
    state.lease = { until, owned: false };
    this.#forgetEnds(id);
    this.#places.leave(id);
    this.#waits.set(id, until);
    this.#onChange();
  }

  /** Removes the lease and the stored message. */
  #drop(id: string, state: WorkState): void {
    state.lease = null;
    state.stored = null;
    this.#forgetEnds(id);
    this.#places.leave(id);
  }

  #forgetEnds(id: string): void {
    this.#leases.delete(id);
    this.#waits.delete(id);
    this.#ended.delete(id);
  }
}
