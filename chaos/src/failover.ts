import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { startRedis } from "../../test/servers/redis.js";
import { startSentinel } from "../../test/servers/redis-sentinel.js";
import { patiently } from "./patience.js";
import { PAYLOAD_SECRET, type Tasks, task } from "./subject.js";

export interface Failover {
  readonly acknowledged: number;
  /** Acknowledged, and not there once the replica has taken over. */
  readonly lost: number;
  /** The longest time without an acknowledgement. */
  readonly outageMs: number;
}

const WRITERS = 8;
const BEFORE_MS = 3_000;
const AFTER_MS = 3_000;
const LIMIT_MS = 60_000;
/** As much as one read may ask for at a time here. */
const READ_AT_ONCE = 1_000;

/** Kills a master under load, and counts what went with it. Replication is asynchronous: nothing promises that all is kept. */
export async function failOver(): Promise<Failover> {
  const args = ["--appendonly", "yes"];
  await using master = await startRedis({ args });
  await using replica = await startRedis({ args: [...args, "--replicaof", "127.0.0.1", `${master.port}`] });
  await using sentinel = await startSentinel(master, "tasks");
  await replicates(replica.url);
  const sentinels = [{ host: "127.0.0.1", port: sentinel.port }];
  await knowsReplica(sentinel.url);
  await using store = createJobStore({
    job: task,
    driver: redisDriver({ sentinels, name: "tasks", timeoutMs: 1_000 }),
  });
  const load = new Load(store);
  await pause(BEFORE_MS);
  await master.kill();
  const killedAt = performance.now();
  await patiently(async () => {
    if (!load.hasGoneOnFor(AFTER_MS, killedAt)) throw new Error("no replica took over");
  }, LIMIT_MS);
  const acknowledged = await load.stop();
  return {
    acknowledged: acknowledged.length,
    lost: await countMissing(store, acknowledged),
    outageMs: load.longestGapMs,
  };
}

/** Creates jobs, one after the other in each of several loops, and remembers those that were acknowledged. */
class Load {
  longestGapMs = 0;
  readonly #acknowledged: string[] = [];
  readonly #stop = new AbortController();
  readonly #loops: Promise<unknown>;
  #lastAt = performance.now();
  #resumedAt: number | null = null;

  constructor(store: Tasks) {
    this.#loops = Promise.all(Array.from({ length: WRITERS }, (_, n) => this.#write(store, `writer-${n}`)));
  }

  /** Whether acknowledgements have come again since `moment`, for so long. */
  hasGoneOnFor(ms: number, moment: number): boolean {
    if (this.#resumedAt === null && this.#lastAt > moment + 500) this.#resumedAt = performance.now();
    return this.#resumedAt !== null && performance.now() - this.#resumedAt > ms;
  }

  async stop(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#loops;
    return this.#acknowledged;
  }

  async #write(store: Tasks, name: string): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const id = `${name}-${n}`;
      await store.create({ secret: PAYLOAD_SECRET }, { id }).then(
        () => this.#acknowledge(id),
        () => pause(10),
      );
    }
  }

  #acknowledge(id: string): void {
    const now = performance.now();
    this.#acknowledged.push(id);
    this.longestGapMs = Math.max(this.longestGapMs, Math.round(now - this.#lastAt));
    this.#lastAt = now;
  }
}

async function countMissing(store: Tasks, ids: readonly string[]): Promise<number> {
  let missing = 0;
  for (let first = 0; first < ids.length; first += READ_AT_ONCE) {
    const jobs = await patiently(() => store.getMany(ids.slice(first, first + READ_AT_ONCE)));
    missing += jobs.filter((job) => job === null).length;
  }
  return missing;
}

async function replicates(url: string): Promise<void> {
  await asking(url, async (client) => {
    if (!(await client.info("replication")).includes("master_link_status:up")) throw new Error("no replication");
  });
}

async function knowsReplica(url: string): Promise<void> {
  await asking(url, async (client) => {
    const replicas = (await client.call("SENTINEL", "REPLICAS", "tasks")) as readonly unknown[];
    if (replicas.length === 0) throw new Error("the sentinel knows no replica");
  });
}

async function asking(url: string, question: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 100 });
  client.on("error", () => {});
  try {
    await patiently(() => question(client));
  } finally {
    client.disconnect();
  }
}
