import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "@subtitles/job-store";
import type { Broker } from "@subtitles/queue";
import {
  createWorker,
  JobFailed,
  type Outcome,
  RetryLater,
  type Worker,
  type WorkerContext,
} from "@subtitles/queue/worker";
import { type Journal, now } from "../journal.js";
import { Random } from "../random.js";
import { type Task, type Tasks, work } from "../workload.js";
import { HEARTBEAT_MS, type Settings } from "./settings.js";

const CONCURRENCY = 8;
/** Time of a step of the work: usually short, sometimes longer than a heartbeat. */
const SHORT_MS = 30;
const LONG_MS = 2_500;
const LONG_PROBABILITY = 0.08;

type Context = WorkerContext<Task, typeof work>;
type End = Outcome<Task, "doing">;

/** Starts a worker that runs the orders and writes all runs, outcomes and events to the journal. */
export function startWorker(options: {
  readonly settings: Settings;
  readonly store: Tasks;
  readonly broker: Broker;
  readonly journal: Journal;
}): Worker {
  const { settings, store, broker, journal } = options;
  const { name: process } = settings;
  let runs = 0;
  return createWorker({
    store,
    broker,
    queue: work,
    from: ["todo", "waiting"],
    working: "doing",
    async run(job, context) {
      const run = `${process}-run${runs++}`;
      journal.write({ line: "run", run, process, job: job.id, version: job.version, at: now() });
      const write = (end: string) => journal.write({ line: "ran", run, end, at: now() });
      try {
        const outcome = await perform(job, context, {
          run,
          broker,
          random: new Random(settings.seed, job.id, job.version),
        });
        write(outcome.to);
        return outcome;
      } catch (error) {
        write(error instanceof Error ? error.name : "?");
        throw error;
      }
    },
    concurrency: CONCURRENCY,
    heartbeatMs: HEARTBEAT_MS,
    by: process,
    onEvent: ({ error, ...event }) =>
      journal.write({
        line: "worker",
        process,
        event,
        ...(error !== undefined && { error: String(error) }),
        at: now(),
      }),
  });
}

/** Does the work of an order, in two steps. */
async function perform(
  job: Job<Task, "doing">,
  { signal, progress, checkpoint, attempt }: Context,
  { run, broker, random }: { readonly run: string; readonly broker: Broker; readonly random: Random },
): Promise<End> {
  const { plan } = job.data;
  const { step } = job.progress ?? {};
  const spendTime = () => {
    const ms = random.fraction() * (random.chance(LONG_PROBABILITY) ? LONG_MS : SHORT_MS);
    return pause(ms, undefined, { signal });
  };
  await spendTime();
  progress({ by: run, step });
  if (plan === "asks" && step !== "asked") {
    await broker.publish(work, { jobId: job.id }, { id: `${job.id}.asked.${job.version}` });
    await spendTime();
    return { to: "waiting", progress: { by: run, step: "asked" } };
  }
  if (plan === "later" && step !== "postponed") {
    await checkpoint({ by: run, step: "postponed" });
    throw new RetryLater("This order is postponed.", { afterMs: 1_000 });
  }
  await spendTime();
  if (plan === "throws" && attempt === 1) throw new Error("The first attempt of this order fails.");
  if (plan === "fails") throw new JobFailed("This order cannot succeed.", { code: "PLANNED" });
  return { to: "done" };
}
