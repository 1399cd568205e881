import { setTimeout as pause } from "node:timers/promises";
import type { Cluster, Redis, RedisCommander } from "ioredis";
import { Condition } from "../condition.js";

/** Duration of one blocking read. */
const BLOCK_MS = 1000;
/** A blocking read without a reply is aborted after this further time: the connection is dead. */
const OVERDUE_MS = 3000;

/** Entry of a stream: its id, then its fields and values in turn. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Reads new entries of streams with blocking reads. It has its own connection, which it opens for the first read. */
export class BlockingReader {
  readonly #connect: () => Redis | Cluster;
  #client: Redis | Cluster | undefined;
  #interruptions = 0;

  /** @param connect opens a connection. A blocking read blocks all later commands of its connection. */
  constructor(connect: () => Redis | Cluster) {
    this.#connect = connect;
  }

  /** Number that changes each time the next read can come from another server, or from a restarted one. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** Returns the entries after `after` as soon as there are any, or none after a second. @throws the error of a broken connection */
  async read(stream: string, after: string, count: number): Promise<readonly StreamEntry[]> {
    this.#client ??= this.#open();
    const client = this.#client;
    let cancel = () => {};
    const silence = new Promise<never>((_, reject) => {
      cancel = afterTime(BLOCK_MS + OVERDUE_MS, () => {
        client.disconnect(true);
        reject(new Error("a blocking read is overdue"));
      });
    });
    try {
      const commands: RedisCommander = client;
      const read = commands.xread("COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", stream, after);
      const reply = await Promise.race([read, silence]);
      return reply?.[0]?.[1] ?? [];
    } catch (error) {
      this.#interruptions++;
      throw error;
    } finally {
      cancel();
    }
  }

  #open(): Redis | Cluster {
    const client = this.#connect();
    for (const event of ["close", "+node", "-node", "node error"]) client.on(event, () => void this.#interruptions++);
    return client;
  }

  close(): void {
    this.#client?.disconnect();
  }
}

/**
 * Calls back after `ms` milliseconds, and after the event loop has read the data that had arrived by then. After a busy period,
 * the event loop runs timers before it reads. Returns a function that cancels the callback.
 */
function afterTime(ms: number, callback: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(callback);
  }, ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** Pause after a broken connection. Waiting readers then check the stream themselves. */
const RETRY_MS = 200;

/**
 * Notifies waiting readers of new entries in a stream. All readers of a store share one blocking read. A notification only wakes
 * them, so a lost or duplicate notification does no harm.
 */
export class StreamNotifier {
  readonly #reader: BlockingReader;
  readonly #stream: string;
  readonly #waiters = new Condition();
  #reading = false;
  #position = "0-0";

  constructor(reader: BlockingReader, stream: string) {
    this.#reader = reader;
    this.#stream = stream;
  }

  /** Resolves when the stream has an entry after `last`, after `ms` milliseconds, or when `signal` aborts. */
  wait(last: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#position = last;
    const notified = this.#waiters.wait(ms, signal);
    if (!this.#reading) void this.#read();
    return notified;
  }

  close(): void {
    this.#reader.close();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#waiters.size > 0) {
      const entries = await this.#reader.read(this.#stream, this.#position, 1).catch(() => null);
      if (entries === null) await pause(RETRY_MS);
      if (entries === null || entries.length > 0) this.#waiters.notify();
    }
    this.#reading = false;
  }
}
