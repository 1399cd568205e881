import { createJobStore, defineJob } from "@subtitles/job-store";
import { memoryDriver as memoryStore } from "@subtitles/job-store/memory";
import { createBroker, defineQueue } from "@subtitles/queue";
import { memoryDriver } from "@subtitles/queue/memory";
import { createWorker, JobFailed, RetryLater, type Worker } from "@subtitles/queue/worker";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const films = defineJob({
  name: "film",
  data: z.object({ title: z.string() }),
  result: z.object({ url: z.string() }),
  progress: z.object({ percent: z.number() }),
  initial: "pending",
  statuses: {
    pending: { next: ["rendering", "cancelled"] },
    waiting: { next: ["rendering"] },
    rendering: { next: ["rendering", "waiting", "done", "failed", "cancelled"] },
    reviewing: { next: ["done"] },
    done: { next: [], final: true },
    failed: { next: ["pending"], final: true },
    cancelled: { next: [], final: true },
  },
  index: { title: ({ title }) => title },
});
const tasks = defineJob({
  name: "task",
  data: z.object({}),
  initial: "new",
  statuses: {
    new: { next: ["running"] },
    running: { next: ["running", "ok", "broken"] },
    ok: { next: [], final: true },
    broken: { next: ["running"], final: true },
  },
});
const store = createJobStore({ job: films, driver: memoryStore() });
const taskStore = createJobStore({ job: tasks, driver: memoryStore() });
const broker = createBroker({ driver: memoryDriver() });
const queue = defineQueue({ name: "films", payload: z.object({ jobId: z.string(), n: z.number() }) });
const numbered = defineQueue({ name: "numbered", payload: z.object({ film: z.number() }) });
const required = { store, broker, queue };

test("a worker infers the job, the context and the outcome from its options", () => {
  const worker = createWorker({
    ...required,
    from: ["pending", "waiting"],
    working: "rendering",
    ready: async (job) => {
      expectTypeOf(job.status).toEqualTypeOf<"pending" | "waiting">();
      return true;
    },
    async run(job, { signal, closing, progress, checkpoint, message, attempt, lastAttempt }) {
      expectTypeOf(job.status).toEqualTypeOf<"rendering">();
      expectTypeOf(job.data).toEqualTypeOf<{ title: string }>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(closing).toEqualTypeOf<AbortSignal>();
      expectTypeOf(progress).parameter(0).toEqualTypeOf<{ percent: number }>();
      expectTypeOf(checkpoint).returns.toEqualTypeOf<Promise<void>>();
      expectTypeOf(message.payload).toEqualTypeOf<{ jobId: string; n: number }>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
      expectTypeOf(lastAttempt).toEqualTypeOf<boolean>();
      if (attempt > 1) return { to: "waiting", note: "again" };
      return { to: "done", result: { url: "/a" } };
    },
  });
  expectTypeOf(worker).toEqualTypeOf<Worker>();
});

test("a wrong `working` does not compile", () => {
  const run = async () => ({ to: "done" }) as const;
  // @ts-expect-error: it does not list itself in its `next`
  createWorker({ ...required, from: "pending", working: "reviewing", run });
  // @ts-expect-error: it is final
  createWorker({ ...required, from: "pending", working: "done", run });
  // @ts-expect-error: no such status
  createWorker({ ...required, from: "pending", working: "renderin", run });
});

test("a wrong `from` does not compile", () => {
  const run = async () => ({ to: "done" }) as const;
  // @ts-expect-error: it does not lead to `working`
  createWorker({ ...required, from: "reviewing", working: "rendering", run });
  // @ts-expect-error: one of them does not lead to `working`
  createWorker({ ...required, from: ["pending", "reviewing"], working: "rendering", run });
  // @ts-expect-error: a final status
  createWorker({ store: taskStore, broker, queue, from: "broken", working: "running", failed: "broken", run });
  // @ts-expect-error: no status at all
  createWorker({ ...required, from: [], working: "rendering", run });
  createWorker({ ...required, from: "rendering", working: "rendering", run });
});

test("a limit names an index field of the definition", () => {
  const run = async () => ({ to: "done" }) as const;
  const statuses = { from: "pending", working: "rendering" } as const;
  createWorker({ ...required, ...statuses, run, limit: { field: "title", max: 3 } });
  // @ts-expect-error: no such field
  createWorker({ ...required, ...statuses, run, limit: { field: "studio", max: 3 } });
  // @ts-expect-error: no maximum
  createWorker({ ...required, ...statuses, run, limit: { field: "title" } });
  const ok = async () => ({ to: "ok" }) as const;
  const task = { store: taskStore, broker, queue, from: "new", working: "running", failed: "broken", run: ok } as const;
  // @ts-expect-error: the definition has no index
  createWorker({ ...task, limit: { field: "title", max: 3 } });
});

test("a wrong outcome does not compile", () => {
  const statuses = { from: "pending", working: "rendering" } as const;
  // @ts-expect-error: it does not follow `working`
  createWorker({ ...required, ...statuses, run: async () => ({ to: "pending" }) as const });
  // @ts-expect-error: `working` itself is no outcome
  createWorker({ ...required, ...statuses, run: async () => ({ to: "rendering" }) as const });
  // @ts-expect-error: the result has another type
  createWorker({ ...required, ...statuses, run: async () => ({ to: "done", result: { url: 5 } }) as const });
  createWorker({
    ...required,
    ...statuses,
    run: async (_job, { progress }) => {
      // @ts-expect-error: the progress has another type
      progress({ percent: "1" });
      throw new JobFailed("no", { code: "NO", retryable: true });
    },
  });
});

test("`jobId` is required for a payload without one, and `failed` for a lifecycle without `failed`", () => {
  const run = async () => ({ to: "done" }) as const;
  const statuses = { from: "pending", working: "rendering" } as const;
  // @ts-expect-error: the payload has no `jobId`
  createWorker({ store, broker, queue: numbered, ...statuses, run });
  createWorker({ store, broker, queue: numbered, ...statuses, run, jobId: ({ film }) => `film-${film}` });

  const ok = async () => ({ to: "ok" }) as const;
  // @ts-expect-error: `failed` is required
  createWorker({ store: taskStore, broker, queue, from: "new", working: "running", run: ok });
  createWorker({
    store: taskStore,
    broker,
    queue,
    from: "new",
    working: "running",
    failed: "broken",
    run: async (_job, { progress }) => {
      progress(null);
      throw new RetryLater("later", { at: new Date() });
    },
  });
  // @ts-expect-error: it does not follow `working`
  createWorker({ store: taskStore, broker, queue, from: "new", working: "running", failed: "new", run: ok });
});

test("a subclass of an error can have a name of its own", () => {
  class LanguagePairError extends JobFailed {
    override readonly name = "LanguagePairError";
  }
  class ProviderBusy extends RetryLater {
    override readonly name = "ProviderBusy";
  }
  expectTypeOf<LanguagePairError["name"]>().toEqualTypeOf<"LanguagePairError">();
  expectTypeOf<ProviderBusy["name"]>().toEqualTypeOf<"ProviderBusy">();
});
