import { asIndeterminate, unavailable } from "../errors.js";
import type { Deadline } from "./connection.js";
import { RetryableError, timeoutError } from "./redis-errors.js";

/** Maximum number of batches of one kind in flight. Later calls wait, and are sent in larger batches. */
const MAX_IN_FLIGHT = 64;

/** Maximum number of calls of one kind that wait for Redis in one store. Further calls fail with `UNAVAILABLE`. */
const MAX_WAITING = 100_000;

/** Maximum number of calls in a batch. */
export const MAX_BATCH = 64;

/** A batch of this size is closed, because it delays other calls. */
const MAX_BATCH_SIZE = 262_144;

/** Pause before an attempt after the server was busy. */
const RETRY_PAUSE_MS = 50;

/**
 * Conditions for sending a call. Each includes those before it. "connection": the connection is open. "metadata": the metadata of
 * the store is known. "write": the clock of the server is known, the user has all permissions, and the server has the scripts.
 */
export type Requirement = "connection" | "metadata" | "write";

/** Calls that were made in one tick of the event loop. They end at the same time. */
export interface Tick {
  readonly end: number;
  readonly calls: readonly PendingCall[];
  unsettled: number;
}

/** A call that waits to be sent, or for its reply. */
export abstract class PendingCall implements Deadline {
  /** Size for the limit of a batch, in characters. */
  readonly size: number;
  /** A batch contains calls of one group. */
  readonly group: string;
  /** Calls with the same key are executed in their order. "": the order does not matter. */
  readonly orderKey: string;
  /** True if an attempt was sent whose result is unknown. */
  indeterminate = false;
  /** True after a batch with this call failed: the call is then sent alone. */
  unbatched = false;
  /** False: the first failed attempt ends the call, with the error of that attempt. */
  readonly retries: boolean = true;
  settled = false;
  inFlight = false;
  /** Error with which the call is rejected at its deadline. Until then, an attempt of it may still be applied. */
  failure: unknown;
  tick: Tick | undefined;

  constructor(size: number, group = "", orderKey = "") {
    this.size = size;
    this.group = group;
    this.orderKey = orderKey;
  }

  get end(): number {
    return this.tick?.end ?? Number.POSITIVE_INFINITY;
  }

  abstract reject(error: unknown): void;

  /** Marks the call as settled. Returns false if it already was. */
  protected settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.tick !== undefined) this.tick.unsettled--;
    return true;
  }
}

/** A pending call with its promise. */
export class Call<R> extends PendingCall {
  readonly promise: Promise<R>;
  #resolve: (reply: R) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(size: number, group?: string, orderKey?: string) {
    super(size, group, orderKey);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(reply: R): void {
    if (this.settle()) this.#resolve(reply);
  }

  override reject(error: unknown): void {
    if (this.settle()) this.#reject(error);
  }
}

/** Defines for one kind of calls how they are batched and sent. */
export interface CommandKind<C extends PendingCall> {
  readonly requirement: Requirement;
  /** Minimum size of a batch, if so many calls wait. The target is a quarter of them, so that client and server work concurrently. */
  readonly minBatch: number;
  readonly maxBatch: number;
  /**
   * Sends a batch of calls with the same deadline, and settles each call to which the server replied. The others are sent again.
   * Rejects with a RetryableError, or with the error with which the server rejected the batch.
   */
  send(batch: readonly C[]): Promise<void>;
  /** Returns the error of a call that was rejected and is not sent again, or a promise of it. */
  toError(error: unknown, call: C): unknown;
}

/** Known state of the server, on which calls depend. */
export interface ServerState {
  isReady(requirement: Requirement): boolean;
  /** Meets a requirement. @throws the error for all calls that wait for the requirement. It says that they were not sent. */
  prepare(requirement: Requirement, deadline: Deadline): Promise<void>;
  /** Notes that the server does not have the scripts of write batches any more. */
  invalidateScripts(): void;
  /** Returns true if the server rejected a batch after it may have applied a part of it. */
  isPartlyApplied(error: unknown, requirement: Requirement): boolean;
  /** Returns the error of a call that the server rejected, or a promise of it. May set `indeterminate` of the call. */
  toError(error: unknown, call: PendingCall, requirement: Requirement): unknown;
}

/** Services that queues share: the timer and the state of the connection. `Executor` implements it. */
export interface QueueHost {
  readonly state: ServerState;
  readonly isConnected: boolean;
  /** Returns the end of a call that begins now. */
  defaultEnd(): number;
  /** Ends the calls of a tick at its end. */
  watch(tick: Tick): void;
  unwatch(tick: Tick): void;
  /** Returns a RetryableError if another attempt can succeed. */
  classify(error: unknown): unknown;
}

/** A batch that was sent, and whose reply has not arrived. */
interface Flight<C> {
  readonly batch: readonly C[];
  done: boolean;
}

/**
 * Queue of the calls of one kind. Calls of one tick are batched (docs/decisions/0014). Each call keeps its own result and deadline. Calls
 * wait until the requirement of their kind is met, also after a failed attempt that can be repeated. A call also waits while an
 * earlier call with the same key is in flight: a batch has one call for each key, and if it fails, later calls cannot overtake it.
 */
export class CallQueue<C extends PendingCall> {
  readonly #host: QueueHost;
  readonly #kind: CommandKind<C>;
  /** Calls of the current tick. */
  #fresh: C[] = [];
  /** Unsent calls, from `#head` on. */
  #waiting: readonly C[] = [];
  #head = 0;
  /** Unsent calls that have taken their key. They are sent before the waiting calls. */
  #ready: C[] = [];
  /** For each key that a call has taken: the calls that wait until it is settled, from `next` on. */
  readonly #held = new Map<string, { readonly calls: C[]; next: number }>();
  #heldCount = 0;
  #preparing = false;
  readonly #flights = new Set<Flight<C>>();

  constructor(host: QueueHost, kind: CommandKind<C>) {
    this.#host = host;
    this.#kind = kind;
  }

  /** Adds a call that is sent at the end of this tick, after its promise callbacks. */
  add(call: C): void {
    if (this.#rejectIfFull(call)) return;
    this.#fresh.push(call);
    if (this.#fresh.length === 1) process.nextTick(this.#flush);
  }

  /** Adds a call that is sent at once. */
  addNow(call: C, end: number): void {
    if (!this.#rejectIfFull(call)) this.#enqueue([call], end);
  }

  #rejectIfFull(call: C): boolean {
    const waiting = this.#waiting.length - this.#head + this.#ready.length + this.#heldCount + this.#fresh.length;
    if (waiting < MAX_WAITING) return false;
    call.reject(
      unavailable(`Too many calls are waiting for Redis (${MAX_WAITING}). Reduce the load, or try again later.`, false),
    );
    return true;
  }

  readonly #flush = (): void => {
    const calls = groupCalls(this.#fresh);
    this.#fresh = [];
    this.#enqueue(calls, this.#host.defaultEnd());
  };

  #enqueue(calls: C[], end: number): void {
    const tick = { end, calls, unsettled: calls.length };
    for (const call of calls) call.tick = tick;
    this.#host.watch(tick);
    this.#setWaiting(this.#head === this.#waiting.length ? calls : [...this.#waiting.slice(this.#head), ...calls]);
    this.#dispatch();
  }

  /** @param prepared the requirement was just met; if it is not met any more, the server rejects the call itself */
  #dispatch(prepared = false): void {
    const unsent = this.#waiting.length - this.#head + this.#ready.length;
    if (unsent === 0 || this.#preparing) return;
    const { requirement, minBatch, maxBatch } = this.#kind;
    if (!prepared && !this.#host.state.isReady(requirement)) {
      void this.#prepare();
      return;
    }
    const size = Math.min(Math.max(Math.ceil(unsent / 4), minBatch), maxBatch);
    while (this.#flights.size < MAX_IN_FLIGHT) {
      const batch = this.#nextBatch(size);
      if (batch.length === 0) return;
      this.#send(batch);
    }
    // Sent calls are not kept.
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
  }

  /** Takes calls of one tick, which have the same deadline, and of one group. No two of them have the same key. */
  #nextBatch(maxCalls: number): readonly C[] {
    const batch: C[] = [];
    let size = 0;
    const add = (call: C): boolean => {
      const [first] = batch;
      if (first !== undefined) {
        if (batch.length === maxCalls || first.unbatched || call.unbatched || call.tick !== first.tick) return false;
        if (call.group !== first.group || size + call.size > MAX_BATCH_SIZE) return false;
      }
      size += call.size;
      batch.push(call);
      return true;
    };
    let sent = 0;
    for (; sent < this.#ready.length; sent++) {
      const call = this.#ready[sent] as C;
      // The next call with its key becomes ready.
      if (!isWaiting(call)) this.#releaseKey(call);
      else if (!add(call)) break;
    }
    if (sent > 0) this.#ready = this.#ready.slice(sent);
    for (; this.#ready.length === 0 && this.#head < this.#waiting.length; this.#head++) {
      const call = this.#waiting[this.#head] as C;
      if (!isWaiting(call)) continue;
      const held = this.#held.get(call.orderKey);
      if (held !== undefined) {
        held.calls.push(call);
        this.#heldCount++;
      } else {
        if (!add(call)) break;
        if (call.orderKey !== "") this.#held.set(call.orderKey, { calls: [], next: 0 });
      }
    }
    return batch;
  }

  /** Gives the key of a call to the next one that waits for it. */
  #releaseKey({ orderKey }: C): void {
    const held = this.#held.get(orderKey);
    if (held === undefined) return;
    while (held.next < held.calls.length) {
      const next = held.calls[held.next++] as C;
      this.#heldCount--;
      if (!isWaiting(next)) continue;
      this.#ready.push(next);
      // Settled calls are not kept, though other calls may wait all the time.
      if (held.next * 2 > held.calls.length) {
        held.calls.splice(0, held.next);
        held.next = 0;
      }
      return;
    }
    this.#held.delete(orderKey);
  }

  *#unsent(): Generator<C, void, undefined> {
    yield* this.#ready;
    for (const { calls, next } of this.#held.values()) yield* calls.slice(next);
    yield* this.#waiting.slice(this.#head);
  }

  #setWaiting(calls: readonly C[]): void {
    this.#waiting = calls;
    this.#head = 0;
  }

  #send(batch: readonly C[]): void {
    const flight = { batch, done: false };
    this.#flights.add(flight);
    for (const call of batch) call.inFlight = true;
    this.#trySend(batch).then(
      () => {
        if (this.#finish(flight)) this.#release(flight);
      },
      (error: unknown) => void this.#failed(flight, error),
    );
  }

  #trySend(batch: readonly C[]): Promise<void> {
    try {
      return this.#kind.send(batch);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Handles a lost connection: the results of all batches in flight are unknown. */
  onLoss(): void {
    for (const flight of this.#flights) {
      void this.#failed(flight, new RetryableError("the connection was lost", "lost"));
    }
  }

  /** Marks a batch as finished. Returns false if it already was. */
  #finish(flight: Flight<C>): boolean {
    if (flight.done) return false;
    flight.done = true;
    for (const call of flight.batch) call.inFlight = false;
    return true;
  }

  /** Calls without a reply keep their keys, and are sent again. */
  #release(flight: Flight<C>): void {
    this.#flights.delete(flight);
    for (const call of flight.batch) {
      if (isWaiting(call)) this.#ready.push(call);
      else this.#releaseKey(call);
    }
    const tick = flight.batch[0]?.tick;
    if (tick?.unsettled === 0) this.#host.unwatch(tick);
    this.#dispatch();
  }

  async #failed(flight: Flight<C>, cause: unknown): Promise<void> {
    if (!this.#finish(flight)) return;
    const { batch } = flight;
    const error = this.#host.classify(cause);
    const retryable = error instanceof RetryableError;
    const [first] = batch;
    const isAlone = batch.length === 1 && !(retryable && first?.retries);
    if (isAlone || this.#host.state.isPartlyApplied(error, this.#kind.requirement)) {
      for (const call of batch) {
        const { indeterminate } = call;
        const failure = call.retries ? await this.#kind.toError(error, call) : cause;
        this.#fail(call, failure, indeterminate);
      }
    } else {
      const now = performance.now();
      for (const call of batch) {
        if (retryable && error.kind === "lost") call.indeterminate = true;
        call.unbatched ||= !retryable || call.indeterminate;
        if (retryable && now + RETRY_PAUSE_MS >= call.end) this.#fail(call, timeoutError(call, error.message));
      }
      if (retryable && error.kind === "busy" && this.#host.isConnected) await pause(RETRY_PAUSE_MS);
    }
    this.#release(flight);
  }

  #fail(call: C, error: unknown, mayBeApplied = call.indeterminate): void {
    if (mayBeApplied && performance.now() < call.end) call.failure = error;
    else call.reject(error);
  }

  async #prepare(): Promise<void> {
    this.#preparing = true;
    const unsent = [...this.#unsent()];
    const deadline = { end: unsent.reduce((latest, { end }) => Math.max(latest, end), 0), indeterminate: false };
    let prepared = true;
    try {
      await this.#host.state.prepare(this.#kind.requirement, deadline);
    } catch (error) {
      prepared = false;
      for (const call of this.#unsent()) {
        if (call.end <= deadline.end) this.#fail(call, call.indeterminate ? asIndeterminate(error) : error);
      }
    }
    this.#preparing = false;
    const ready = this.#ready;
    this.#ready = [];
    for (const call of ready) {
      if (isWaiting(call)) this.#ready.push(call);
      else this.#releaseKey(call);
    }
    this.#setWaiting(this.#waiting.slice(this.#head).filter(isWaiting));
    this.#dispatch(prepared);
  }
}

/**
 * Puts calls of one group next to each other, so that they can share a batch. A call goes in front of calls with other keys only, so
 * calls with the same key keep their order.
 */
function groupCalls<C extends PendingCall>(calls: C[]): C[] {
  const group = calls[0]?.group;
  if (calls.every((call) => call.group === group)) return calls;
  const runs: C[][] = [];
  const latestOfGroup = new Map<string, number>();
  const latestOfKey = new Map<string, number>();
  for (const call of calls) {
    let run = latestOfGroup.get(call.group) ?? -1;
    if (run < (latestOfKey.get(call.orderKey) ?? 0)) {
      run = runs.push([]) - 1;
      latestOfGroup.set(call.group, run);
    }
    latestOfKey.set(call.orderKey, run);
    runs[run]?.push(call);
  }
  return runs.flat();
}

function isWaiting({ settled, failure }: PendingCall): boolean {
  return !settled && failure === undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
