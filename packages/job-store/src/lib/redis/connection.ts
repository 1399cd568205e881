import type { Cluster, Redis, RedisCommander, RedisOptions } from "ioredis";
import { JobStoreError } from "../errors.js";
import type { StoreEvent } from "../store.js";
import { Waiters } from "../waiters.js";
import { PASSING, reasonOf, replyCode, suspicion, unavailable } from "./faults.js";

/** What one attempt is given: the client, and the call's end by the server's clock. */
export type Command<T> = (client: RedisCommander, deadline: number) => Promise<T>;

/** Thrown by `attempt` only: the line broke (or the server asked for patience), so the call is tried again. */
class Interrupted extends Error {
  constructor(
    readonly reason: string,
    /** The command had gone out, and nobody knows what became of it. */
    readonly sent: boolean,
  ) {
    super(reason);
  }
}

/** Of one call: when it must have settled, and whether an attempt of it is unaccounted for. */
export interface Budget {
  readonly end: number;
  doubtful: boolean;
}

const PAUSE_MS = 50;

/**
 * One multiplexed connection (to a cluster: one to each node), and attempts on it that always settle. ioredis alone does
 * not give that: its calls hang, run twice or run after they were reported failed, depending on its options
 * (docs/decisions/0002).
 */
export class Line {
  readonly #client: Redis | Cluster;
  readonly #emit: (event: StoreEvent) => void;
  #open = false;
  #lost = false;
  #closed = false;
  #generation = 0;
  #met = false;
  #lastFault = "it has not answered yet";
  readonly #callers = new Waiters();
  readonly #underway = new Set<(fault: Interrupted) => void>();

  constructor(client: Redis | Cluster, emit: (event: StoreEvent) => void) {
    this.#client = client;
    this.#emit = emit;
    client.on("connect", () => {
      if (!this.#met) this.#lastFault = "it takes the connection but does not answer";
    });
    client.on("ready", () => this.#opened());
    client.on("close", () => this.#broken());
    client.on("error", (error) => this.noteFault(error));
    // Of a cluster: another set of nodes, and with it perhaps other clocks.
    client.on("+node", () => void this.#generation++);
    client.on("-node", () => void this.#generation++);
    client.on("node error", (error) => this.noteFault(error));
    if (client.status === "ready") this.#opened();
  }

  /** Another number for each connection that was made. */
  get generation(): number {
    return this.#generation;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** In words; with the usual mistake that makes a server fall silent, as long as it never answered. */
  get lastFault(): string {
    return this.#met ? this.#lastFault : this.#lastFault + suspicion(this.#lastFault, isSecure(this.#client));
  }

  noteFault(error: unknown): void {
    this.#lastFault = reasonOf(error);
  }

  /** @throws JobStoreError UNAVAILABLE when it has not opened in the call's time */
  async untilOpen(budget: Budget): Promise<void> {
    if (!this.#open) await this.#callers.wait(budget.end - performance.now());
    if (!this.#open) throw unavailable(`No connection to Redis: ${this.lastFault}.`, budget.doubtful);
  }

  /** One try: settles with the reply, when the line breaks, or when the time is over. */
  attempt<T>(command: (client: RedisCommander) => Promise<T>, budget: Budget): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#underway.delete(interrupt);
        act();
      };
      const interrupt = (fault: Interrupted) => settle(() => reject(fault));
      const timer = setTimeout(() => {
        budget.doubtful = true;
        settle(() => reject(outOfTime(budget, "no reply came")));
      }, budget.end - performance.now());
      this.#underway.add(interrupt);
      command(this.#client).then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
    this.#broken();
  }

  #opened(): void {
    this.#generation++;
    this.#open = true;
    this.#met = true;
    this.#lost = false;
    this.#lastFault = "the connection was lost";
    this.#emit({ type: "connected", message: "Connected to Redis." });
    this.#callers.wake();
  }

  #broken(): void {
    this.#open = false;
    const fault = new Interrupted("the connection was lost", true);
    for (const interrupt of [...this.#underway]) interrupt(fault);
    if (this.#closed || this.#lost) return;
    this.#lost = true;
    this.#emit({
      type: "disconnected",
      message: `No connection to Redis (${this.lastFault}); trying again until it is back.`,
    });
  }
}

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
        if (performance.now() + PAUSE_MS >= budget.end) throw outOfTime(budget, fault.reason);
        // A line that broke is waited for; a server that asks for patience gets a moment of it.
        if (!fault.sent && this.#line.isOpen) await pause(PAUSE_MS);
      }
    }
  }

  /**
   * Runs a command once, for those who want to know how the server is rather than to wait until it is well.
   * @throws JobStoreError UNAVAILABLE; and whatever the server or ioredis says
   */
  async ask<T>(command: (client: RedisCommander) => Promise<T>, budget: Budget): Promise<T> {
    await this.#line.untilOpen(budget);
    return this.#line.attempt(command, budget);
  }

  /** Takes the clock's offset: after each connect, and where a server found a deadline passed that by our count is not. */
  async resync(budget: Budget): Promise<void> {
    const { generation } = this.#line;
    const offset = await this.#line.attempt((client) => measureOffset(client, this.#key), budget);
    this.#clock = { offset, generation, at: performance.now() };
  }

  outOfTime(budget: Budget, reason: string): Error {
    return outOfTime(budget, reason);
  }

  async #attempt<T>(command: Command<T>, budget: Budget): Promise<T> {
    if (!this.#line.isOpen) await this.#line.untilOpen(budget);
    if (this.#clock.generation !== this.#line.generation) await this.resync(budget);
    else if (performance.now() - this.#clock.at > CLOCK_AGE_MS) this.#refresh();
    // Rounded down: the server must find the deadline passed before we report that it has.
    const deadline = Math.floor(budget.end + this.#clock.offset) - 1;
    return this.#line.attempt((client) => command(client, deadline), budget);
  }

  /** Why the line is down; null: it is not. */
  get fault(): string | null {
    return this.#line.isOpen ? null : this.#line.lastFault;
  }

  /** Another number for each connection that was made. */
  get generation(): number {
    return this.#line.generation;
  }

  /** On the side: offsets age, since clocks drift and another server may have taken over the key. */
  #refresh(): void {
    this.#clock = { ...this.#clock, at: performance.now() };
    // What fails here, the call beside it meets as well.
    this.resync(this.budget()).catch(() => {});
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

const CLOCK_AGE_MS = 10_000;

/** The least that the server's clock can be ahead of ours: its time was read after we asked and before we knew. */
async function measureOffset(client: RedisCommander, key: string): Promise<number> {
  // By a script, since that is sent to the server of the key.
  const [seconds, micros] = (await client.eval("return redis.call('TIME')", 1, key)) as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000 - performance.now();
}

function isSecure({ options }: Redis | Cluster): boolean {
  return ("redisOptions" in options ? options.redisOptions?.tls : (options as RedisOptions).tls) !== undefined;
}

function outOfTime(budget: Budget, reason: string): Error {
  return unavailable(`Redis did not answer in time: ${reason}.`, budget.doubtful);
}

/** What cannot be written now ioredis refuses at once, without sending, by this option's name. */
function isUnsent(error: unknown): boolean {
  return error instanceof Error && error.message.includes("enableOfflineQueue");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
