import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker, type Worker } from "@subtitles/queue/worker";
import { PAYLOAD_SECRET, task, work } from "../workload.js";

/** Relay and worker of one process, and a user with a connection of their own. */
export interface System extends AsyncDisposable {
  /** Creates a job and requests it. A repeated call with the same id creates no second job. */
  create(id: string): Promise<void>;
  hasStarted(id: string): boolean;
  state(): Worker["state"];
}

/** A silent connection is closed after two to three intervals. */
const HEARTBEAT_SECONDS = 2;

export async function openSystem(urls: {
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** URL of Redis without a proxy, for the user. */
  readonly directRedisUrl: string;
}): Promise<System> {
  const { redisUrl, rabbitmqUrl, directRedisUrl } = urls;
  const ignore = () => {
    // Outages are expected here.
  };
  const store = createJobStore({ job: task, driver: redisDriver({ url: redisUrl }), onEvent: ignore });
  const user = createJobStore({ job: task, driver: redisDriver({ url: directRedisUrl }), onEvent: ignore });
  const broker = createBroker({
    driver: rabbitmqDriver({ url: rabbitmqUrl, heartbeatSeconds: HEARTBEAT_SECONDS }),
    onError: ignore,
  });
  const relay = createRelay({ outbox: store.outbox, broker, queues: [work], onError: ignore });
  const started = new Set<string>();
  const worker = createWorker({
    store,
    broker,
    queue: work,
    from: "todo",
    working: "doing",
    run: async ({ id }) => {
      started.add(id);
      return { to: "done" };
    },
    onEvent: ignore,
  });
  return {
    async create(id) {
      await user.create({ secret: PAYLOAD_SECRET }, { id, outbox: [{ queue: work.name, payload: { jobId: id } }] });
    },
    hasStarted: (id) => started.has(id),
    state: () => worker.state,
    async [Symbol.asyncDispose]() {
      await worker.close({ graceMs: 0 });
      await relay.close();
      await Promise.all([broker.close({ graceMs: 0 }), store.close(), user.close()]);
    },
  };
}
