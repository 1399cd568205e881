import type { DashboardJobStore } from "./options.js";
import type { HealthView, OutboxCounts, Overview, PausedQueueView } from "./protocol.js";

/** Returns counts, plots and warnings of a store. */
export async function overview(store: DashboardJobStore): Promise<Overview> {
  const [counts, outbox, health, paused, workers] = await Promise.all([
    store.counts(),
    outboxCounts(store),
    healthView(store),
    pausedQueues(store),
    store.workers(),
  ]);
  const now = new Date();
  return {
    counts,
    minutes: { from: now.toISOString(), created: [], entered: {} },
    timeouts: { withinHour: 0, overdue: 0 },
    ...{ outbox, health, paused },
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

export async function healthView(store: DashboardJobStore): Promise<HealthView> {
  const { error = null, ...health } = await store.health();
  return { ...health, error };
}

export async function pausedQueues(store: DashboardJobStore): Promise<readonly PausedQueueView[]> {
  return (await store.pausedQueues()).map(({ since, until, ...pause }) => ({
    ...pause,
    since: since.toISOString(),
    until: until?.toISOString() ?? null,
  }));
}
