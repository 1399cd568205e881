import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, onTestFinished } from "vitest";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { createJobStore, JobStoreError, type StoreEvent } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

/** Opens a store of reports that is closed when the test ends. Returns it with the events of its connection. */
export function openStore(options: RedisDriverOptions) {
  const events: StoreEvent[] = [];
  const store = createJobStore({ job: report, driver: redisDriver(options), onEvent: (event) => events.push(event) });
  onTestFinished(() => store.close());
  return { store, events };
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<JobStoreError> {
  const error = await promise.then(
    (value) => expect.fail(`expected a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!JobStoreError.is(error)) throw error;
  return error;
}

/** A command that the server was sent, and the commands that it ran because of it if it is a script. */
export interface Sent {
  readonly args: readonly string[];
  readonly within: (readonly string[])[];
}

/** A Redis for the tests of one block. It is emptied after each test. */
export class PrivateRedis {
  #server: PrivateServer | undefined;
  #client: Redis | undefined;

  constructor() {
    beforeAll(async () => {
      this.#server = await startRedis();
      this.#client = new Redis(this.#server.url);
    });
    afterEach(() => this.client.flushall());
    afterAll(async () => {
      this.#client?.disconnect();
      await this.#server?.stop();
    });
  }

  get server(): PrivateServer {
    if (this.#server === undefined) throw new Error("The server is started before the tests of its block.");
    return this.#server;
  }

  get client(): Redis {
    if (this.#client === undefined) throw new Error("The server is started before the tests of its block.");
    return this.#client;
  }

  get url(): string {
    return this.server.url;
  }

  /** Returns the commands that the server gets during a function. */
  async sentDuring(run: () => Promise<unknown>): Promise<readonly Sent[]> {
    const monitor = await this.client.monitor();
    try {
      const sent: Sent[] = [];
      const ended = new Promise<void>((resolve) => {
        monitor.on("monitor", (_time: string, args: string[], source: string) => {
          if (args.join(" ") === "ECHO end") resolve();
          else if (source === "lua") sent.at(-1)?.within.push(args);
          else sent.push({ args, within: [] });
        });
      });
      await run();
      await this.client.call("ECHO", "end");
      await ended;
      return sent;
    } finally {
      monitor.disconnect();
    }
  }
}

/** Starts a Redis that stops when the test ends. */
export async function startOne(): Promise<{ readonly url: string }> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return { url: redis.url };
}

/** Starts a Redis Cluster that stops when the test ends. */
export async function startCluster() {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  return { cluster: cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })), shards: 2 };
}
