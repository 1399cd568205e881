import { createJobStore, type JobStore } from "@subtitles/job-store";
import { type RedisDriverOptions, redisDriver } from "@subtitles/job-store/redis";
import { expect, onTestFinished, vi } from "vitest";
import { PATIENCE } from "../../../../test/patience.js";
import type { PrivateServer } from "../../../../test/servers/private-server.js";
import { startRedis } from "../../../../test/servers/redis.js";
import { type Broker, createBroker, createRelay, message, type Relay } from "../../src/index.js";
import { rabbitmqDriver } from "../../src/rabbitmq.js";
import { deleteQueues, freshPrefix, proxyTo } from "../rabbitmq-queues.js";
import { encodings, type Films, films, renderings } from "../worker-suite/films.js";
import type { ChildSettings } from "./child-protocol.js";
import { type Child, startChild } from "./children.js";

/** Options of a worker process. */
type Options = ChildSettings["worker"] &
  Omit<Partial<ChildSettings>, "worker" | "prefix" | "deliveryLimit" | "retryDelaysMs" | "rabbitmqUrl"> & {
    /** Servers to which the process is connected by a proxy of its own. @default none */
    readonly proxied?: readonly ("redis" | "rabbitmq")[];
  };

/** Redis, queues in a RabbitMQ, a relay, and processes with workers. */
export interface Setting {
  readonly redis: PrivateServer;
  readonly rabbitmqUrl: string;
  readonly prefix: string;
  readonly store: JobStore<Films>;
  readonly broker: Broker;
  readonly relay: Relay;
  /** Starts a process with a worker, and waits until the worker runs. */
  start(options?: Options): Promise<Child>;
  /** Creates a job, perhaps of a studio, and requests it. */
  request(id: string, studio?: string): Promise<void>;
  status(id: string): Promise<string | undefined>;
  /** Waits until a job has this status. */
  reaches(id: string, status: string): Promise<void>;
  /** Stops these processes, and then the relay. No message may be left in the outbox, in the queue or as a dead letter. */
  endsEmpty(...children: readonly Child[]): Promise<void>;
}

/** Connects to a RabbitMQ, and to a Redis of the test. All of it ends with the test. */
export async function openSetting(
  rabbitmqUrl: string,
  {
    redis: given,
    driver,
    deliveryLimit,
    retryDelaysMs = renderings.retryDelaysMs,
  }: {
    readonly redis?: PrivateServer;
    /** Options of the test's store. @default the URL of `redis` */
    readonly driver?: RedisDriverOptions;
    readonly deliveryLimit?: number;
    readonly retryDelaysMs?: readonly number[];
  } = {},
): Promise<Setting> {
  const queue = { ...renderings, retryDelaysMs, ...(deliveryLimit !== undefined && { deliveryLimit }) };
  const redis = given ?? (await startRedis());
  onTestFinished(() => redis.stop());
  const prefix = freshPrefix();
  onTestFinished(() => deleteQueues(rabbitmqUrl, prefix, [queue, encodings]));
  const store = createJobStore({
    job: films,
    driver: redisDriver({ ...(driver ?? { url: redis.url }), timeoutMs: 30_000 }),
  });
  onTestFinished(() => store.close());
  const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl, prefix, timeoutMs: 30_000 }) });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  const relay = createRelay({ outbox: store.outbox, broker, queues: [queue, encodings] });
  onTestFinished(() => relay.close());
  const setting: Setting = {
    redis,
    rabbitmqUrl,
    prefix,
    store,
    broker,
    relay,
    start: async ({ proxied = [], ...options } = {}) => {
      const { by, heartbeatMs, concurrency, prefetch, recoverEveryMs, timeoutMs, limit, ...others } = options;
      const proxies = {
        redis: proxied.includes("redis") ? await proxyTo(redis.url) : null,
        rabbitmq: proxied.includes("rabbitmq") ? await proxyTo(rabbitmqUrl) : null,
      };
      const worker = { by, heartbeatMs, concurrency, prefetch, recoverEveryMs, timeoutMs, limit };
      // JSON drops undefined members.
      const settings = JSON.parse(
        JSON.stringify({
          redis: { url: proxies.redis?.url ?? redis.url },
          rabbitmqUrl: proxies.rabbitmq?.url ?? rabbitmqUrl,
          prefix,
          deliveryLimit,
          retryDelaysMs,
          ...others,
          worker,
        }),
      );
      return startChild(settings, proxies);
    },
    request: async (id, studio) => {
      await store.create(
        { title: id, ...(studio !== undefined && { studio }) },
        { id, outbox: [message(renderings, { jobId: id })] },
      );
    },
    status: async (id) => (await store.get(id))?.status,
    reaches: (id, status) => vi.waitFor(async () => expect(await setting.status(id)).toBe(status), PATIENCE),
    endsEmpty: async (...children) => {
      await vi.waitFor(async () => {
        expect(await broker.stats(queue)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
        expect(await store.outbox.depth()).toBe(0);
      }, PATIENCE);
      for (const child of children) child.signal("SIGTERM");
      await vi.waitUntil(() => children.every(({ end }) => end !== null), PATIENCE);
      await relay.close();
      // A message that was not acknowledged is ready again.
      expect(await broker.stats(queue)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
      expect(await store.outbox.depth()).toBe(0);
    },
  };
  return setting;
}

/** Starts a process and lets it run the job "a", which is created. */
export async function startRunning(setting: Setting, options?: Options): Promise<Child> {
  const child = await setting.start(options);
  await setting.request("a");
  await vi.waitUntil(() => child.runs.length === 1, PATIENCE);
  return child;
}
