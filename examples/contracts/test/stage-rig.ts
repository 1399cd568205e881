import { createJobStore, JobStoreError } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { type Broker, createBroker, defineQueue } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { onTestFinished, vi } from "vitest";
import { type SubtitleStore, subtitleJob } from "../src/job.js";
import { createLog } from "../src/log.js";
import { jobMessage } from "../src/queues.js";
import { type Outcome, type Stage, startStage } from "../src/stage.js";

/** A queue that retries once, and soon. */
export const testQueue = defineQueue({ name: "test", payload: jobMessage, retryDelaysMs: [10] });

export const completed: Outcome = { to: "completed", result: { downloadUrl: "http://films.example/1" } };

export interface Rig {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly work: ReturnType<typeof vi.fn<Stage["work"]>>;
  /** A new job with its message, as the manager's relay leaves it. */
  submit(): Promise<string>;
  /** Every message is acknowledged: none is ready, in hands, waiting for a retry or dead. */
  expectQueueEmpty(): Promise<void>;
}

/** A stage that does `work`, on memory drivers. The worker sees the store through `seenByWorker`, where given. */
export function startRig(work: Stage["work"], seenByWorker = (store: SubtitleStore) => store): Rig {
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const spy = vi.fn(work);
  const workerStore = seenByWorker(store);
  startStage(
    {
      name: "tester",
      queue: testQueue,
      enter: (job, change) =>
        job.status === "pending" || job.status === "downloading"
          ? workerStore.updateStatus(job, "downloading", change)
          : null,
      work: spy,
    },
    { store: workerStore, broker, log: createLog("test", "silent") },
  );
  onTestFinished(async () => {
    await broker.close({ graceMs: 0 });
    await store.close();
  });
  return {
    store,
    broker,
    work: spy,
    async submit() {
      const { job } = await store.create({
        videoUrl: "https://films.example/1.mkv",
        videoTitle: "One",
        language: "en",
      });
      await broker.publish(testQueue, { jobId: job.id });
      return job.id;
    },
    expectQueueEmpty: () =>
      vi.waitFor(async () => {
        const { ready, unacked, delayed, dead } = await broker.stats(testQueue);
        if (ready || unacked || delayed || dead) throw new Error(`${ready} ${unacked} ${delayed} ${dead}`);
      }, 60_000),
  };
}

/** How a store behaves for a while: `before` says whether a call fails unseen, `after` whether its answer is lost. */
export interface Faults {
  before?: boolean;
  after?: boolean;
}

/** The store as it looks over a bad connection. */
export function overBadConnection(store: SubtitleStore, faults: Faults, onCall = () => {}): SubtitleStore {
  return intercept(store, async (_name, call) => {
    onCall();
    if (faults.before) throw new JobStoreError("UNAVAILABLE", "Not sent.", { indeterminate: false });
    const answer = await call();
    if (faults.after) throw new JobStoreError("UNAVAILABLE", "The answer was lost.", { indeterminate: true });
    return answer;
  });
}

/** The store as seen by someone whose first look at a job is outdated by `meanwhile` at once. */
export function afterFirstGet(store: SubtitleStore, meanwhile: (id: string) => Promise<void>): SubtitleStore {
  let looked = false;
  return intercept(store, async (name, call, id) => {
    const answer = await call();
    if (name === "get" && !looked) {
      looked = true;
      await meanwhile(String(id));
    }
    return answer;
  });
}

function intercept(
  store: SubtitleStore,
  around: (name: string, call: () => unknown, firstArgument: unknown) => Promise<unknown>,
): SubtitleStore {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => around(String(name), () => Reflect.apply(member, target, args), args[0]);
    },
  });
}
