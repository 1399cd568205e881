import type { JobDefinition } from "../definition.js";
import type { Job } from "../job.js";
import type { CallContext } from "./context.js";
import type { DashboardJobStore } from "./options.js";
import type {
  Durations,
  Ending,
  HealthView,
  OutboxCounts,
  Overview,
  PausedQueueView,
  WorkersView,
} from "./protocol.js";
import { withoutAddresses } from "./reply.js";

/** Returns counts, plots and warnings of a store. */
export async function overview({ opened: { store, clock } }: CallContext): Promise<Overview> {
  const [counts, activity, outbox, health, paused, workers] = await Promise.all([
    store.counts(),
    clock.activity(),
    outboxCounts(store),
    healthView(store),
    pausedQueues(store),
    store.workers(),
  ]);
  const { from, created, entered, timeouts, now } = activity;
  return {
    ...{ counts, timeouts, outbox, health, paused },
    minutes: { from: from.toISOString(), created, entered },
    workers: workers.length,
    now: now.toISOString(),
  };
}

export async function outboxCounts({ outbox }: DashboardJobStore): Promise<OutboxCounts> {
  const [waiting, scheduled, rejected, oldest] = await Promise.all([
    outbox.depth(),
    outbox.scheduled(),
    outbox.countRejected(),
    outbox.oldest(),
  ]);
  return { waiting, scheduled, rejected, oldest: oldest?.toISOString() ?? null };
}

async function healthView(store: DashboardJobStore): Promise<HealthView> {
  const { error, ...health } = await store.health();
  return { ...health, error: error === undefined ? null : withoutAddresses(error) };
}

async function pausedQueues(store: DashboardJobStore): Promise<readonly PausedQueueView[]> {
  return (await store.pausedQueues()).map(({ since, until, ...pause }) => ({
    ...pause,
    since: since.toISOString(),
    until: until?.toISOString() ?? null,
  }));
}

/** Returns live workers, paused queues and warnings. */
export async function workersView({ opened: { store, clock } }: CallContext): Promise<WorkersView> {
  const now = await clock.now();
  const [workers, paused, { warnings }] = await Promise.all([store.workers(), pausedQueues(store), healthView(store)]);
  return {
    workers: workers.map(({ startedAt, seenAt, ...worker }) => ({
      ...worker,
      startedAt: startedAt.toISOString(),
      seenAt: seenAt.toISOString(),
    })),
    ...{ paused, warnings },
    now: now.toISOString(),
  };
}

/** Returns the ending of the newest job in each final status. */
export async function endings({ opened: { store } }: CallContext): Promise<Readonly<Record<string, Ending>>> {
  const found = await Promise.all(
    finalStatuses(store).map(async (status): Promise<readonly (readonly [string, Ending])[]> => {
      const {
        items: [job],
        unreadable,
      } = await store.list({ status, limit: 1 });
      if (job === undefined) return unreadable.length === 0 ? [] : [[status, "neither"]];
      return [[status, job.error !== null ? "error" : job.result !== null ? "result" : "neither"]];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Number of jobs in the sample. */
const SAMPLE = 200;

/** Returns the durations of the jobs that ended last. */
export async function durations({ opened: { store } }: CallContext): Promise<Durations> {
  const { statuses } = store.definition;
  const finals = finalStatuses(store);
  if (finals.length === 0) return { jobs: 0, statuses: [] };
  const { items } = await store.list({ status: finals, limit: SAMPLE });
  const found = items.flatMap(durationsOf);
  const sampled = Object.keys(statuses).flatMap((status) => {
    const sorted = found.flatMap((one) => (one.status === status ? [one.ms] : [])).sort((a, b) => a - b);
    return sorted.length === 0 ? [] : [{ status, medianMs: at(sorted, 0.5), p95Ms: at(sorted, 0.95) }];
  });
  return { jobs: items.length, statuses: sampled };
}

function finalStatuses({ definition: { statuses } }: DashboardJobStore): readonly string[] {
  return Object.keys(statuses).filter((status) => statuses[status]?.final === true);
}

/** Returns the time that a job spent in each status that it left. */
function durationsOf({ history }: Job<JobDefinition>) {
  return history.slice(1).map(({ at }, n) => {
    const change = history[n] as Job<JobDefinition>["history"][number];
    return { status: change.to, ms: Math.max(0, at.getTime() - change.at.getTime()) };
  });
}

/** Returns a quantile of sorted numbers. */
function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * quantile) - 1)] ?? 0;
}
