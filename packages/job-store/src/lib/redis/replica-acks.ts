import { type Client, type RedisConnection, runPipeline, valuesOf } from "./connection.js";
import type { Executor } from "./executor.js";
import { RetryableError, reasonOf } from "./redis-errors.js";

/** Number of replicas that must have a change before it is acknowledged, and the time limit in milliseconds. */
export interface ReplicaWait {
  readonly count: number;
  readonly timeoutMs: number;
}

/** Limit of one WAIT. It delays later commands of its connection, so it is short and is repeated. */
const WAIT_MS = 20;
/** Time that is left before the deadline of a call, for the error. */
const SPARE_MS = 50;

/** Waits until replicas have the writes of this store, with the command WAIT. */
export class ReplicaAcks {
  readonly #executor: Executor;
  readonly #connection: RedisConnection;
  readonly #key: string;
  readonly #wait: ReplicaWait;
  #inFlight: Promise<unknown> = Promise.resolve();
  #next: Promise<number> | undefined;
  #mustWrite = false;

  /** @param key key on the server that may be overwritten */
  constructor(executor: Executor, connection: RedisConnection, key: string, wait: ReplicaWait) {
    this.#executor = executor;
    this.#connection = connection;
    this.#key = key;
    this.#wait = wait;
  }

  /** Checks that the user may run WAIT, before the first write. @throws the server's error */
  check(client: Client): Promise<unknown> {
    return this.#countAcks(client, 0, false);
  }

  /**
   * Resolves to null as soon as enough replicas have all earlier writes, or to a description of the shortage if the time limit is
   * exceeded.
   * @param repeated the changes may have been written by another connection
   * @throws RetryableError if no reply arrived: the changes were applied, and WAIT can be repeated
   */
  async confirm(end: number, repeated: boolean): Promise<string | null> {
    const { count, timeoutMs } = this.#wait;
    const last = Math.min(performance.now() + timeoutMs, end - SPARE_MS);
    const { epoch } = this.#connection;
    this.#mustWrite ||= repeated;
    for (;;) {
      const acks = await this.#acksFromNow(end);
      // On another connection, WAIT does not cover these changes.
      if (this.#connection.epoch !== epoch) throw new RetryableError("the connection was lost", "lost");
      if (acks >= count) return null;
      if (performance.now() >= last)
        return `Only ${acks} of ${count} replicas (waitReplicas.count) have confirmed the change in time.`;
    }
  }

  /** Returns the reply to a WAIT that is sent from now on. One in flight does not cover what was written after it was sent. */
  #acksFromNow(end: number): Promise<number> {
    this.#next ??= this.#inFlight.then(() => {
      const write = this.#mustWrite;
      this.#next = undefined;
      this.#mustWrite = false;
      const acks = this.#executor
        .query((client) => this.#countAcks(client, this.#wait.count, write), { end, retries: false })
        .catch(async (error: unknown) => {
          await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
          throw new RetryableError(reasonOf(error), "lost");
        });
      this.#inFlight = acks.catch(() => {});
      return acks;
    });
    return this.#next;
  }

  /** WAIT covers the writes of its own connection only. A write just before it makes it cover those of other connections. */
  async #countAcks(client: Client, count: number, write: boolean): Promise<number> {
    const replies = await runPipeline(client, [
      write ? ["set", this.#key, "1", "PX", 1000] : ["exists", this.#key],
      ["wait", count, WAIT_MS],
    ]);
    return Number(valuesOf(replies)[1]);
  }
}
