import type { Redis } from "ioredis";
import { JobStoreError } from "../errors.js";
import type { StoreEvent } from "../store.js";
import { Waiters } from "../waiters.js";
import { PASSING, reasonOf, replyCode, unavailable } from "./faults.js";

/** What one attempt is given: the client, and the call's end by the server's clock. */
export type Command<T> = (client: Redis, deadline: number) => Promise<T>;

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
 * One multiplexed connection, and calls on it that always settle in their time. ioredis alone does not give that: its
 * calls hang, run twice or run after they were reported failed, depending on its options (docs/decisions/0002).
 * Here a call that was interrupted is repeated until its time is over, which is safe because every script knows its
 * operation id and its deadline.
 */
export class Connection {
  readonly #client: Redis;
  readonly #timeoutMs: number;
  readonly #emit: (event: StoreEvent) => void;
  /** Server clock minus ours, at the least it can be; undefined while the line is down. */
  #offset: number | undefined;
  #lastFault = "it has not answered yet";
  #lost = false;
  #closed = false;
  #generation = 0;
  readonly #callers = new Waiters();
  readonly #underway = new Set<(fault: Interrupted) => void>();

  constructor(client: Redis, timeoutMs: number, emit: (event: StoreEvent) => void) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#emit = emit;
    client.on("ready", () => void this.#opened());
    client.on("close", () => this.#broken());
    client.on("error", (error) => {
      this.#lastFault = reasonOf(error);
    });
    if (client.status === "ready") void this.#opened();
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
      const offset = this.#offset ?? (await this.#untilOpen(budget));
      try {
        return await this.#attempt(command, offset, budget);
      } catch (error) {
        const fault = this.#classify(error);
        if (!(fault instanceof Interrupted)) throw fault;
        budget.doubtful ||= fault.sent;
        if (performance.now() + PAUSE_MS >= budget.end) throw this.outOfTime(budget, fault.reason);
        // A line that broke is waited for; a server that asks for patience gets a moment of it.
        if (!fault.sent && this.#offset !== undefined) await pause(PAUSE_MS);
      }
    }
  }

  /**
   * Runs a command once, for those who want to know how the server is rather than to wait until it is well.
   * @throws JobStoreError UNAVAILABLE; and whatever the server or ioredis says
   */
  async ask<T>(command: Command<T>, budget: Budget): Promise<T> {
    const offset = this.#offset ?? (await this.#untilOpen(budget));
    return this.#attempt(command, offset, budget);
  }

  /** Takes the clock's offset anew, after a server found a deadline passed that by our count is not. */
  async resync(budget: Budget): Promise<void> {
    this.#offset = await this.perform(measureOffset, budget);
  }

  outOfTime(budget: Budget, reason = this.#lastFault): Error {
    return unavailable(`Redis did not answer in time: ${reason}.`, budget.doubtful);
  }

  /** Why the line is down; null: it is not. */
  get fault(): string | null {
    return this.#offset === undefined ? this.#lastFault : null;
  }

  /** Another number for each connection that was made. */
  get generation(): number {
    return this.#generation;
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
    this.#broken();
  }

  /** One try: settles with the reply, when the line breaks, or when the time is over. */
  #attempt<T>(command: Command<T>, offset: number, budget: Budget): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#underway.delete(interrupt);
        act();
      };
      const interrupt = (fault: Interrupted) => settle(() => reject(fault));
      const timer = setTimeout(() => {
        budget.doubtful = true;
        settle(() => reject(this.outOfTime(budget, "no reply came")));
      }, budget.end - performance.now());
      this.#underway.add(interrupt);
      // Rounded down: the server must find the deadline passed before we report that it has.
      command(this.#client, Math.floor(budget.end + offset) - 1).then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** Replies of the server are definite; everything else is a line that broke. */
  #classify(error: unknown): unknown {
    if (error instanceof Interrupted || JobStoreError.is(error)) return error;
    const code = replyCode(error);
    if (code === null) return new Interrupted(reasonOf(error), !isUnsent(error));
    if (!PASSING.has(code)) return error;
    this.#lastFault = reasonOf(error);
    return new Interrupted(this.#lastFault, false);
  }

  async #opened(): Promise<void> {
    this.#generation++;
    try {
      this.#offset = await measureOffset(this.#client);
    } catch (error) {
      // Whatever keeps a server from telling its time keeps it from doing our work; the next "ready" tries again.
      this.#lastFault = reasonOf(error);
      if (!this.#closed && this.#client.status === "ready") this.#client.disconnect(true);
      return;
    }
    this.#lost = false;
    this.#emit({ type: "connected", message: "Connected to Redis." });
    this.#callers.wake();
  }

  #broken(): void {
    this.#offset = undefined;
    const fault = new Interrupted("the connection was lost", true);
    for (const interrupt of [...this.#underway]) interrupt(fault);
    if (this.#closed || this.#lost) return;
    this.#lost = true;
    this.#emit({
      type: "disconnected",
      message: `No connection to Redis (${this.#lastFault}); trying again until it is back.`,
    });
  }

  async #untilOpen(budget: Budget): Promise<number> {
    await this.#callers.wait(budget.end - performance.now());
    if (this.#offset === undefined) throw unavailable(`No connection to Redis: ${this.#lastFault}.`, budget.doubtful);
    return this.#offset;
  }
}

/** The least that the server's clock can be ahead of ours: its time was read after we asked and before we knew. */
async function measureOffset(client: Redis): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1000 + Number(micros) / 1000 - performance.now();
}

/** What cannot be written now ioredis refuses at once, without sending, by this option's name. */
function isUnsent(error: unknown): boolean {
  return error instanceof Error && error.message.includes("enableOfflineQueue");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
