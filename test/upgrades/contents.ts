import { JobStoreError } from "@subtitles/job-store";
import { type Orders, order } from "./definition.js";
import { LAST_JOBS } from "./fill.js";

/**
 * Reads all that a store contains, as JSON. Leaves out times and flags that depend on the present time.
 *
 * @param cursor recorded position in the event log
 */
export async function contentsOf(store: Orders, cursor: string): Promise<unknown> {
  const listed = await idsOf(store, {});
  const statuses = Object.keys(order.statuses) as (keyof typeof order.statuses)[];
  const contents = {
    audit: await store.audit(),
    counts: await store.counts(),
    countsOfAnn: await store.counts({ where: { owner: "ann" } }),
    jobs: await Promise.all(listed.toSorted().map((id) => readingOf(store, id))),
    newest: listed,
    byStatus: Object.fromEntries(await each(statuses, (status) => idsOf(store, { status }))),
    ofOwner: Object.fromEntries(await each(["ann", "bob", "eve"], (owner) => idsOf(store, { where: { owner } }))),
    ofTitle: await idsOf(store, { where: { title: "Corrected" } }),
    waitingOfAnn: await idsOf(store, { status: "waiting", where: { owner: "ann" } }),
    messages: Object.fromEntries(
      await each(["waiting", "scheduled", "rejected"] as const, (kind) => messages(store, kind)),
    ),
    pausedQueues: await store.pausedQueues(),
    workers: await store.workers(),
    events: await eventsOf(store, cursor),
  };
  return JSON.parse(JSON.stringify(contents));
}

async function each<K extends string, T>(keys: readonly K[], read: (key: K) => Promise<T>) {
  return Promise.all(keys.map(async (key) => [key, await read(key)] as const));
}

async function idsOf(store: Orders, query: Parameters<Orders["list"]>[0]): Promise<readonly string[]> {
  const { items, unreadable, cursor } = await store.list({ ...query, limit: 1_000 });
  if (cursor !== undefined) throw new Error("The recorded store has more jobs than one page.");
  // The page orders readable jobs. The unreadable ones have no order.
  return [...items.map(({ id }) => id), ...unreadable.map(({ id }) => id).toSorted()];
}

async function readingOf(store: Orders, id: string): Promise<unknown> {
  try {
    const job = await store.get(id);
    // The end of a worker's lease moves while no process has contact with the server.
    return job === null ? null : { ...job, leasedUntil: job.leasedUntil === null ? null : "a time" };
  } catch (error) {
    if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
    return { id, unreadable: true };
  }
}

async function messages(store: Orders, kind: "waiting" | "scheduled" | "rejected"): Promise<unknown> {
  const { entries } = await store.outbox.list({ kind, limit: 1_000 });
  return entries.map((entry) => ({ ...entry, ...("claimed" in entry && { claimed: undefined }) }));
}

async function eventsOf(store: Orders, after: string): Promise<unknown> {
  // There is no order between the jobs of different shards.
  const eventsOfJobs: Record<string, unknown[]> = {};
  const missing = new Set(LAST_JOBS);
  for await (const event of store.watch({ after })) {
    if (!("id" in event)) throw new Error(`The log has an unexpected event of the type "${event.type}".`);
    const { cursor: _, ...others } = event;
    eventsOfJobs[event.id] = [...(eventsOfJobs[event.id] ?? []), others];
    missing.delete(event.id);
    if (missing.size === 0) break;
  }
  return eventsOfJobs;
}
