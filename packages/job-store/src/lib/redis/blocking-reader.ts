import type { Cluster, Redis, RedisCommander } from "ioredis";

/** How long one blocking read lasts, and how much later it is given up: a line that died says nothing. */
const BLOCK_MS = 1000;
const OVERDUE_MS = 3000;

/** An entry of a stream: its id, then its fields and values in turn. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Waits for entries of streams, on a connection of its own that is opened for the first wait. */
export class BlockingReader {
  readonly #connect: () => Redis | Cluster;
  #client: Redis | Cluster | undefined;
  #interruptions = 0;

  /** @param connect opens a connection, since a blocking read holds up everything behind it */
  constructor(connect: () => Redis | Cluster) {
    this.#connect = connect;
  }

  /** Number that changes whenever the next read may come from another server, or from a restarted one. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** What follows `after` in a stream, or nothing after a second. @throws whatever breaks the connection */
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
