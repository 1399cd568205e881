import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { kinds, PAYLOAD_SECRET, task, work } from "../subject.js";

/** Orders a second; each is about ten calls, a message and five events. */
const PER_SECOND = 20;
/** How long finished jobs are kept: after this long, as many go as come. */
const KEPT_SECONDS = 30;

/** A service as it should be, in this process: orders, a relay, a worker, a watcher, and somebody who looks at lists. */
export function openService(redisUrl: string, rabbitmqUrl: string) {
  const store = createJobStore({
    job: task,
    driver: redisDriver({ url: redisUrl }),
    ttlSeconds: { done: KEPT_SECONDS },
  });
  const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl }) });
  return {
    store,
    broker,
    /** How much waits to be published, and to be done. */
    async waiting(): Promise<number> {
      const [depth, { ready, delayed }] = await Promise.all([store.outbox.depth(), broker.stats(work)]);
      return depth + ready + delayed;
    },
    /** Works until it is stopped, and closes what only the work needs; answers how many orders it took. */
    async run(stop: AbortSignal): Promise<number> {
      const relay = createRelay({ outbox: store.outbox, broker, queues: [work] });
      const consumer = await broker.consume(work, async ({ payload }) => {
        const job = await store.updateStatus(payload.job, "doing");
        await store.updateProgress(job, { by: "worker" });
        await store.updateStatus(job.id, "done", { ifVersion: job.version });
      });
      const watching = watch(store, stop);
      let ordered = 0;
      for (; !stop.aborted; ordered++) {
        const id = `${kinds.work}${ordered}`;
        const outbox = [{ queue: work.name, payload: { job: id, op: "" } }];
        await store.create({ secret: PAYLOAD_SECRET }, { id, outbox });
        if (ordered % PER_SECOND === 0) await Promise.all([store.list({ limit: 50 }), store.counts(), store.get(id)]);
        await pause(1_000 / PER_SECOND);
      }
      await watching;
      while ((await this.waiting()) > 0) await pause(200);
      await consumer.close();
      await relay.close();
      return ordered;
    },
    close: () => Promise.all([broker.close(), store.close()]),
  };
}

async function watch(store: ReturnType<typeof openService>["store"], signal: AbortSignal): Promise<void> {
  for await (const event of store.watch({}, { signal }))
    if (event.type === "resync") throw new Error("events were missed");
}
