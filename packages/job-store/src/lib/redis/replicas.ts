import type { Connection } from "./connection.js";
import { reasonOf } from "./faults.js";
import { type Client, Interrupted } from "./line.js";

/** How many replicas must have a change before it is acknowledged, and how long they may take. */
export interface ReplicaWait {
  readonly count: number;
  readonly timeoutMs: number;
}

/** A question holds up what is sent after it on its connection: it is rather asked again than for long. */
const PATIENCE_MS = 20;
/** Left of a call's time, to say what was wrong. */
const SPARE_MS = 50;

/** Finds out whether replicas have what was written (WAIT). */
export class Replicas {
  readonly #connection: Connection;
  readonly #key: string;
  readonly #wait: ReplicaWait;
  #underway: Promise<unknown> = Promise.resolve();
  #following: Promise<number> | undefined;
  #mustWrite = false;

  /** @param key of the server meant, which may be written */
  constructor(connection: Connection, key: string, wait: ReplicaWait) {
    this.#connection = connection;
    this.#key = key;
    this.#wait = wait;
  }

  /** Shows, before anything is written, whether the user may ask. @throws what the server says to that */
  try(client: Client): Promise<unknown> {
    return this.#ask(client, 0, false);
  }

  /**
   * Resolves once enough replicas have all that was written before, or with what is missing where they do not in time.
   * @param repeated it may have been written by another connection
   * @throws Interrupted where nobody could say: the change was made, and can be asked about again
   */
  async confirm(end: number, repeated: boolean): Promise<string | null> {
    const { count, timeoutMs } = this.#wait;
    const last = Math.min(performance.now() + timeoutMs, end - SPARE_MS);
    this.#mustWrite ||= repeated;
    for (;;) {
      const found = await this.#next();
      if (found >= count) return null;
      if (performance.now() >= last) return `${found} of the ${count} replicas waited for have the change.`;
    }
  }

  /** The answer to a question asked from now on: one that is under way does not cover what was written since. */
  #next(): Promise<number> {
    this.#following ??= this.#underway.then(() => {
      const write = this.#mustWrite;
      this.#following = undefined;
      this.#mustWrite = false;
      const answer = this.#connection
        .once((client) => this.#ask(client, this.#wait.count, write))
        .catch(async (error: unknown) => {
          await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
          throw new Interrupted(reasonOf(error), true);
        });
      this.#underway = answer.catch(() => {});
      return answer;
    });
    return this.#following;
  }

  /**
   * By a pipeline, which a cluster sends to the server of its key. WAIT asks about the writes of its own connection alone:
   * one just before it covers those of others.
   */
  async #ask(client: Client, count: number, write: boolean): Promise<number> {
    const pipeline = client.pipeline();
    if (write) pipeline.set(this.#key, "1", "PX", 1000);
    else pipeline.exists(this.#key);
    const replies = (await pipeline.wait(count, PATIENCE_MS).exec()) ?? [];
    for (const [error] of replies) if (error !== null) throw error;
    return Number(replies[1]?.[1]);
  }
}
