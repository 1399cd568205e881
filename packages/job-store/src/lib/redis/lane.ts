import { unavailable } from "../errors.js";
import type { Turn, Waiting } from "./call.js";
import type { Connection } from "./connection.js";
import { outOfTime } from "./faults.js";
import { type Budget, Interrupted } from "./line.js";

/** Batches under way at most; what is called meanwhile waits, and goes out in larger ones. */
const MOST_UNDERWAY = 64;

/** Calls that wait to be sent at most. */
const MOST_WAITING = 100_000;

/** Calls of a batch at most. */
export const LARGEST = 64;

/** A batch is closed once it has this size: its calls would keep others waiting. */
const LARGEST_SIZE = 262_144;

/** Before a server that asked for patience is asked again. */
const PAUSE_MS = 50;

/** What there is to know about one kind of call. */
export interface Carrier<C extends Waiting> {
  /** A batch is a quarter of what waits, so that client and server work at the same time, but this at least. */
  readonly smallest: number;
  /**
   * True if a batch may return unfinished and later calls must not overtake the rest of it. Then only one batch is in flight at
   * a time.
   */
  readonly keepsOrder: boolean;
  /** Whether a batch could go out this moment. */
  readonly isReady: boolean;
  /** Sees to that. @throws what all calls fail with */
  prepare(budget: Budget): Promise<void>;
  /**
   * Sends a batch, whose calls have the same deadline, and settles each call that the server reached. The others are sent
   * again.
   * @throws Interrupted, Outdated; anything else means that none of it was carried out
   */
  send(batch: readonly C[]): Promise<void>;
  /** What a call fails with that was sent alone and refused. */
  explain(error: unknown, call: C): Promise<unknown>;
}

/** A batch was refused for what its caller knew of the server. It was not carried out. */
export class Outdated extends Error {}

/**
 * Gathers the calls of one turn, so that they travel together (docs/decisions/0014). Each keeps its own outcome, its time
 * and its place in the order. What cannot be sent now, or was interrupted, waits for the carrier to be ready again.
 */
export class Lane<C extends Waiting> {
  readonly #carrier: Carrier<C>;
  readonly #connection: Connection;
  #fresh: C[] = [];
  /** From `#head` on; what comes before has been sent. */
  #waiting: C[] = [];
  #head = 0;
  #count = 0;
  #underway = 0;
  #preparing = false;
  readonly #turns = new Set<Turn>();
  #timer: NodeJS.Timeout | undefined;

  constructor(carrier: Carrier<C>, connection: Connection) {
    this.#carrier = carrier;
    this.#connection = connection;
  }

  add(call: C): void {
    if (this.#waiting.length - this.#head + this.#fresh.length >= MOST_WAITING) {
      call.reject(unavailable(`${MOST_WAITING} calls are waiting for Redis already.`, false));
      return;
    }
    call.number = this.#count++;
    this.#fresh.push(call);
    // After all that this turn has to do, promises included.
    if (this.#fresh.length === 1) process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const calls = this.#fresh;
    this.#fresh = [];
    const turn = { end: this.#connection.budget().end, calls, left: calls.length };
    for (const call of calls) call.turn = turn;
    this.#turns.add(turn);
    this.#watch();
    this.#setWaiting(this.#head === this.#waiting.length ? calls : [...this.#left(), ...calls]);
    this.#go();
  };

  /** @param prepared just now: a server that is known to refuse says so to the call itself */
  #go(prepared = false): void {
    const left = this.#waiting.length - this.#head;
    if (left === 0 || this.#preparing) return;
    if (!prepared && !this.#carrier.isReady) {
      // What is under way comes back first, so that the order is kept.
      if (this.#underway === 0) void this.#prepare();
      return;
    }
    const size = Math.min(Math.max(Math.ceil(left / 4), this.#carrier.smallest), LARGEST);
    const most = this.#carrier.keepsOrder ? 1 : MOST_UNDERWAY;
    while (this.#head < this.#waiting.length && this.#underway < most) {
      const batch = this.#take(size);
      if (batch.length > 0) void this.#send(batch);
    }
    if (this.#head === this.#waiting.length) this.#setWaiting([]);
  }

  /** The next batch: calls of one turn, since these have the same deadline. */
  #take(most: number): readonly C[] {
    const batch: C[] = [];
    let size = 0;
    for (; this.#head < this.#waiting.length; this.#head++) {
      const call = this.#waiting[this.#head] as C;
      if (call.settled) continue;
      const [first] = batch;
      if (first !== undefined) {
        if (batch.length === most || first.alone || call.alone || call.turn !== first.turn) break;
        if (size + call.size > LARGEST_SIZE) break;
      }
      size += call.size;
      batch.push(call);
    }
    return batch;
  }

  #left(): readonly C[] {
    return this.#waiting.slice(this.#head);
  }

  #setWaiting(calls: C[]): void {
    this.#waiting = calls;
    this.#head = 0;
  }

  async #send(batch: readonly C[]): Promise<void> {
    this.#underway++;
    try {
      await this.#carrier.send(batch);
      this.#sendAgain(batch);
    } catch (error) {
      await this.#failed(batch, error);
    }
    this.#underway--;
    const turn = batch[0]?.turn;
    if (turn?.left === 0) this.#turns.delete(turn);
    this.#go();
  }

  async #failed(batch: readonly C[], error: unknown): Promise<void> {
    const passing = error instanceof Interrupted || error instanceof Outdated;
    if (!passing && batch.length === 1) {
      for (const call of batch) {
        const { doubtful } = call;
        this.#giveUp(call, await this.#carrier.explain(error, call), doubtful);
      }
      return;
    }
    const now = performance.now();
    for (const call of batch) {
      if (error instanceof Interrupted) call.doubtful ||= error.sent;
      call.alone ||= !passing || call.doubtful;
      if (passing && now + PAUSE_MS >= call.end) this.#giveUp(call, outOfTime(call, error.message));
    }
    this.#sendAgain(batch);
    const patient = error instanceof Interrupted && !error.sent && this.#connection.isReady;
    if (patient) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  /** Puts the calls without a reply back at their position in the order. */
  #sendAgain(batch: readonly C[]): void {
    const again = batch.filter(isWaiting);
    if (again.length === 0) return;
    this.#setWaiting([...again, ...this.#left()].sort((a, b) => a.number - b.number));
  }

  #giveUp(call: C, error: unknown, mayArrive = call.doubtful): void {
    if (mayArrive && performance.now() < call.end) call.failure = error;
    else call.reject(error);
  }

  async #prepare(): Promise<void> {
    this.#preparing = true;
    const last = this.#waiting.at(-1);
    const budget = { end: last?.end ?? 0, doubtful: this.#left().some(({ doubtful }) => doubtful) };
    let prepared = true;
    try {
      await this.#carrier.prepare(budget);
    } catch (error) {
      prepared = false;
      for (const call of this.#left()) if (call.end <= budget.end) this.#giveUp(call, error);
    }
    this.#preparing = false;
    this.#setWaiting(this.#left().filter(isWaiting));
    for (const turn of this.#turns) if (turn.left === 0) this.#turns.delete(turn);
    this.#go(prepared);
  }

  /** One timer for all calls, for the turn that ends first: they end in the order in which they began. */
  #watch(): void {
    const [first] = this.#turns;
    if (this.#timer !== undefined || first === undefined) return;
    // An open or opening connection keeps the process alive, this does not.
    this.#timer = setTimeout(this.#readFirst, Math.max(0, first.end - performance.now())).unref();
  }

  /** Lets the event loop read the replies that arrived while it was busy. */
  readonly #readFirst = () => setImmediate(this.#expire);

  readonly #expire = (): void => {
    this.#timer = undefined;
    const waiting = new Set<Waiting>(this.#left());
    for (const turn of this.#turns) {
      if (turn.left > 0 && turn.end > performance.now()) break;
      for (const call of turn.calls) {
        if (call.settled) continue;
        const { fault } = this.#connection;
        call.doubtful ||= !waiting.has(call);
        const unsent = fault !== null && !call.doubtful;
        const failure = unsent
          ? unavailable(`No connection to Redis: ${fault}.`, false)
          : outOfTime(call, "no reply came");
        call.reject(call.failure ?? failure);
      }
      this.#turns.delete(turn);
    }
    this.#watch();
  };
}

function isWaiting({ settled, failure }: Waiting): boolean {
  return !settled && failure === undefined;
}
