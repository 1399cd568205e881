import type { Cluster, Redis, RedisCommander, RedisOptions } from "ioredis";
import { unavailable } from "../errors.js";
import type { StoreEvent } from "../store.js";
import { Waiters } from "../waiters.js";
import { afterTime } from "./after-time.js";
import { outOfTime, reasonOf, suspicion } from "./faults.js";

/** The line broke, or the server asked for patience: the call can be tried again. */
export class Interrupted extends Error {
  constructor(
    readonly reason: string,
    /** The command had gone out, and nobody knows what became of it. */
    readonly sent: boolean,
  ) {
    super(reason);
  }
}

/** What commands are given. */
export type Client = RedisCommander & Pick<Redis, "pipeline">;

/** Of one call: when it must have settled, and whether an attempt of it is unaccounted for. */
export interface Budget {
  readonly end: number;
  doubtful: boolean;
}

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

  /** Whether ioredis sends again, without telling, what a broken connection may have delivered: it does in a cluster. */
  get repeatsByItself(): boolean {
    return this.#client.isCluster;
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
    // The connection may have opened while the event loop was busy.
    if (!this.#open) await new Promise(setImmediate);
    if (!this.#open) throw unavailable(`No connection to Redis: ${this.lastFault}.`, budget.doubtful);
  }

  /** One try: settles with the reply, or when the line breaks. */
  send<T>(command: (client: Client) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#underway.add(reject);
      command(this.#client).then(
        (value) => {
          this.#underway.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#underway.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Likewise, and when the time is over. */
  attempt<T>(command: (client: Client) => Promise<T>, budget: Budget): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancel = afterTime(budget.end - performance.now(), () => {
        budget.doubtful = true;
        reject(outOfTime(budget, "no reply came"));
      });
      this.send(command).finally(cancel).then(resolve, reject);
    });
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
    this.#broken();
  }

  #opened(): void {
    // It was being opened when it was closed.
    if (this.#closed) return;
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
    for (const interrupt of this.#underway) interrupt(fault);
    this.#underway.clear();
    if (this.#closed || this.#lost) return;
    this.#lost = true;
    this.#emit({
      type: "disconnected",
      message: `No connection to Redis (${this.lastFault}); trying again until it is back.`,
    });
  }
}

function isSecure({ options }: Redis | Cluster): boolean {
  return ("redisOptions" in options ? options.redisOptions?.tls : (options as RedisOptions).tls) !== undefined;
}
