import type { RedisCommander } from "ioredis";
import { JobStoreError } from "../errors.js";
import { isError } from "../is-error.js";
import { outOfTime, PASSING, reasonOf, replyCode } from "./faults.js";
import { type Budget, type Client, Interrupted, type Line } from "./line.js";

/** What one attempt is given: the client, and the call's end by the server's clock. */
export type Command<T> = (client: Client, deadline: number) => Promise<T>;

/** Before a server that asked for patience is asked again. */
const PAUSE_MS = 50;

/** After this long a clock's offset is measured anew. */
const CLOCK_AGE_MS = 10_000;

/**
 * Calls to the server that holds one key (all keys of a shard are on one server), each settled within its budget. A call
 * that was interrupted is repeated until its time is over, which is safe because every script knows its operation id and
 * its deadline.
 */
export class Connection {
  readonly #line: Line;
  readonly #key: string;
  readonly #timeoutMs: number;
  /** Server clock minus ours, at the least it can be; and of which connection that was measured. */
  #clock = { offset: 0, generation: -1, at: 0 };

  /** @param key of the server meant; it is never touched */
  constructor(line: Line, key: string, timeoutMs: number) {
    this.#line = line;
    this.#key = key;
    this.#timeoutMs = timeoutMs;
  }

  budget(timeoutMs = this.#timeoutMs): Budget {
    return { end: performance.now() + timeoutMs, doubtful: false };
  }

  /**
   * Runs a command that may safely be repeated.
   * @throws JobStoreError UNAVAILABLE; and the server's own refusals, for the caller to name
   */
  async perform<T>(command: Command<T>, budget: Budget = this.budget()): Promise<T> {
    for (;;) {
      try {
        return await this.#attempt(command, budget);
      } catch (error) {
        const fault = this.#classify(error);
        if (!(fault instanceof Interrupted)) throw fault;
        budget.doubtful ||= fault.sent;
        if (performance.now() + PAUSE_MS >= budget.end) {
          // What may have been carried out still may be, until its time is over.
          if (budget.doubtful) await pause(Math.max(0, budget.end - performance.now()));
          throw outOfTime(budget, fault.reason);
        }
        // A line that broke is waited for; a server that asks for patience gets a moment of it.
        if (!fault.sent && this.#line.isOpen) await pause(PAUSE_MS);
      }
    }
  }

  /** Whether a command can go out this moment: the line is open, and how its server's clock stands is known. */
  get isReady(): boolean {
    if (!this.#line.isOpen || this.#clock.generation !== this.#line.generation) return false;
    if (performance.now() - this.#clock.at > CLOCK_AGE_MS) this.#refresh();
    return true;
  }

  /** @throws JobStoreError UNAVAILABLE where it is not in time */
  untilReady(budget: Budget): Promise<void> {
    return this.perform(async () => {}, budget);
  }

  /** A call's end by the server's clock. Rounded down: the server must find it passed before we report that it is. */
  deadline(end: number): number {
    return Math.floor(end + this.#clock.offset) - 1;
  }

  /**
   * Runs a command once, while the connection is ready, for callers who look after their time themselves.
   * @throws Interrupted; and the server's own refusals
   */
  async once<T>(command: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await this.#line.send(command);
    } catch (error) {
      throw this.#classify(error);
    }
  }

  /**
   * Runs a command once, for those who want to know how the server is rather than to wait until it is well.
   * @throws JobStoreError UNAVAILABLE; and whatever the server or ioredis says
   */
  async ask<T>(command: (client: Client) => Promise<T>, budget: Budget): Promise<T> {
    await this.#line.untilOpen(budget);
    return this.#line.attempt(command, budget);
  }

  /** The next attempt takes the clock's offset anew: a server found a deadline passed that by our count is not. */
  doubtClock(): void {
    this.#clock = { ...this.#clock, generation: -1 };
  }

  async #measureClock(budget: Budget): Promise<void> {
    const { generation } = this.#line;
    const offset = await this.#line.attempt((client) => measureOffset(client, this.#key), budget);
    this.#clock = { offset, generation, at: performance.now() };
  }

  async #attempt<T>(command: Command<T>, budget: Budget): Promise<T> {
    if (!this.#line.isOpen) await this.#line.untilOpen(budget);
    if (!this.isReady) await this.#measureClock(budget);
    const deadline = this.deadline(budget.end);
    return this.#line.attempt((client) => command(client, deadline), budget);
  }

  /** Why the line is down; null: it is not. */
  get fault(): string | null {
    return this.#line.isOpen ? null : this.#line.lastFault;
  }

  /** Whether what is sent once may arrive twice. */
  get repeatsByItself(): boolean {
    return this.#line.repeatsByItself;
  }

  /** Another number for each connection that was made. */
  get generation(): number {
    return this.#line.generation;
  }

  /** On the side: offsets age, since clocks drift and another server may have taken over the key. */
  #refresh(): void {
    this.#clock = { ...this.#clock, at: performance.now() };
    // What fails here, the call beside it meets as well.
    this.#measureClock(this.budget()).catch(() => {});
  }

  /** Replies of the server are definite; everything else is a line that broke. */
  #classify(error: unknown): unknown {
    if (error instanceof Interrupted || JobStoreError.is(error)) return error;
    const code = replyCode(error);
    if (code === null) return new Interrupted(reasonOf(error), !isUnsent(error));
    if (!PASSING.has(code)) return error;
    this.#line.noteFault(error);
    return new Interrupted(this.#line.lastFault, false);
  }
}

/** The least that the server's clock can be ahead of ours: its time was read after we asked and before we knew. */
async function measureOffset(client: RedisCommander, key: string): Promise<number> {
  // By a script, since that is sent to the server of the key.
  const [seconds, micros] = (await client.eval("return redis.call('TIME')", 1, key)) as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000 - performance.now();
}

/** What cannot be written now ioredis refuses at once, without sending, by this option's name. */
function isUnsent(error: unknown): boolean {
  return isError(error) && error.message.includes("enableOfflineQueue");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
