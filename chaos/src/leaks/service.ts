import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker } from "@subtitles/queue/worker";
import { kinds, PAYLOAD_SECRET, task, work } from "../workload.js";

/** Orders per second. Each order consists of about ten calls, a message and five events. */
const ORDERS_PER_SECOND = 20;
/** TTL of finished jobs. After this time, the number of jobs is constant. */
const TTL_SECONDS = 30;

/** Opens a complete service in this process: it creates orders, relays, works, watches, and reads lists. */
export function openService(redisUrl: string, rabbitmqUrl: string) {
  const store = createJobStore({
    job: task,
    driver: redisDriver({ url: redisUrl }),
    ttlSeconds: { done: TTL_SECONDS },
  });
  const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl }) });
  return {
    store,
    broker,
    /** Returns the number of messages in the outbox and in the queue. */
    async waiting(): Promise<number> {
      const [depth, { ready, delayed }] = await Promise.all([store.outbox.depth(), broker.stats(work)]);
      return depth + ready + delayed;
    },
    /** Creates and processes orders until `stop` aborts. Returns the number of orders. */
    async run(stop: AbortSignal): Promise<number> {
      const relay = createRelay({ outbox: store.outbox, broker, queues: [work] });
      const worker = createWorker({
        store,
        broker,
        queue: work,
        from: "todo",
        working: "doing",
        async run(_, { checkpoint }) {
          await checkpoint({ by: "worker" });
          return { to: "done" };
        },
      });
      const watching = watch(store, stop);
      let ordered = 0;
      for (; !stop.aborted; ordered++) {
        const id = `${kinds.work}${ordered}`;
        const outbox = [{ queue: work.name, payload: { jobId: id } }];
        await store.create({ secret: PAYLOAD_SECRET }, { id, outbox });
        if (ordered % ORDERS_PER_SECOND === 0)
          await Promise.all([store.list({ limit: 50 }), store.counts(), store.get(id)]);
        await pause(1_000 / ORDERS_PER_SECOND);
      }
      await watching;
      while ((await this.waiting()) > 0) await pause(200);
      await worker.close();
      await relay.close();
      return ordered;
    },
    close: () => Promise.all([broker.close(), store.close()]),
  };
}

async function watch(store: ReturnType<typeof openService>["store"], signal: AbortSignal): Promise<void> {
  for await (const event of store.watch({}, { signal }))
    if (event.type === "resync") throw new Error("The watcher has missed events.");
}
