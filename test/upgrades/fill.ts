import type { Redis } from "ioredis";
import { createInvalid, KEY_PREFIX, type Orders } from "./definition.js";

/** Time that no test reaches. Ends that a call can set to at most 366 days from now are moved to it. */
const FAR = new Date("2100-01-01T00:00:00Z");
const FAR_TEXT = `${FAR.getTime()}`;
const HOUR_MS = 3_600_000;

/** Ids of the jobs that are created at the end. Each shard has one of them, so its log ends with their events. */
export const LAST_JOBS: readonly string[] = Array.from({ length: 12 }, (_, n) => `last-${n}`);

/** Store to fill, a client of its server, and the options with which the store was opened. */
export interface Place {
  readonly store: Orders;
  readonly client: Redis;
  readonly options: Parameters<typeof createInvalid>[0];
}

/** Creates jobs, messages and all else that a store can contain. Returns a cursor of the event log before most of its events. */
export async function fill(place: Place): Promise<string> {
  const { store } = place;
  const watched = store.watch()[Symbol.asyncIterator]();
  const first = watched.next();
  // Creates jobs until the watcher, which starts at an unknown moment, sees one.
  for (
    let n = 0;
    (await Promise.race([first, store.create({ title: "First" }, { id: `first-${n}` }).then(() => null)])) === null;
    n++
  );
  const { value } = await first;
  await createEachStatus(place);
  await createLongRecords(place);
  await createWork(place);
  await createLimited(place);
  await createUnreadable(place);
  await createMessages(place);
  await announce(place);
  await store.delete((await store.create({ title: "Deleted" }, { id: "deleted" })).job);
  await recordTimeouts(place);
  for (const id of LAST_JOBS) await store.create({ title: "Last" }, { id });
  await watched.return?.();
  return value.cursor;
}

async function createEachStatus({ store }: Place): Promise<void> {
  const owned = { owner: "ann", by: "web" };
  for (const [n, id] of ["waiting", "working", "checking", "done", "failed", "cancelled"].entries()) {
    await store.create({ title: `Number ${n}`, owner: owned.owner }, { id, by: owned.by });
  }
  await store.updateStatus("working", "working", { by: "worker", note: "started" });
  for (const id of ["checking", "done"]) await store.updateStatus(id, "checking", { by: "worker" });
  await store.updateStatus("done", "done", { result: { url: "/done" } });
  const error = { message: "no \u001b paper 🎬", code: "PAPER", retryable: true };
  await store.updateStatus("failed", "failed", { error });
  await store.updateStatus("cancelled", "cancelled", { by: "ann" });
}

async function createLongRecords({ store }: Place): Promise<void> {
  await store.create({ title: 'Largo — 長い\t"quoted"', text: "long text\n".repeat(300) }, { id: "long" });
  for (let n = 0; n < 40; n++) {
    await store.updateStatus("long", "working", { by: `worker-${n % 3}`, note: `step ${n}`, key: `key-${n}` });
  }
  await store.updateProgress("long", { percent: 40 });
  await store.create({ title: "Parts" }, { id: "parts" });
  await store.updateStatus("parts", "working", { progress: { percent: 90 } });
  await store.updateStatus("parts", "failed", { error: { message: "late" }, result: { url: "/partly" } });
  await store.create({ title: "Retried", owner: "bob" }, { id: "retried" });
  await store.updateStatus("retried", "failed", { error: { message: "once" } });
  await store.request({ title: "Retried" }, { id: "retried", retryFrom: ["failed"] });
  const { job } = await store.create({ title: "Saved" }, { id: "saved" });
  await store.save({ ...job, data: { title: "Corrected", owner: "eve" }, attempt: 3 });
}

/** Creates jobs with leases, retries, handled and remembered messages. */
async function createWork({ store, client }: Place): Promise<void> {
  const claim = async (id: string, queue = "work", message = `${id}.1.0`) => {
    const { entries } = await store.outbox.ofJob(id);
    const entry = entries.find((one) => one.queue === queue);
    const origin = entry?.origin === undefined ? {} : { origin: entry.origin };
    const requesting = { queue, id: message, payload: { id }, headers: { trace: "t" }, ...origin };
    const options = {
      from: ["waiting" as const],
      leaseMs: HOUR_MS,
      key: `${id}-${queue}-${message}`,
      message: requesting,
    };
    return store.claim(id, "working", { ...options, by: "worker" });
  };
  for (const id of ["leased", "postponed", "handled", "remembered", "released", "ended"]) {
    await store.create({ title: `Work ${id}`, owner: "ann" }, { id });
    const answer = await claim(id);
    if (answer.kind !== "claimed") throw new Error(`The claim of ${id} was answered with "${answer.kind}".`);
    if (id === "handled") await store.updateStatus(answer.job, "done", { handled: true, result: { url: "/handled" } });
    if (id === "postponed") await store.updateStatus(answer.job, "working", { leaseMs: HOUR_MS, failedAttempt: true });
    if (id === "released") await store.renewLeases([answer.job], 0);
    if (id === "remembered") await claim(id, "notices");
  }
  // A lease of a worker does not end while no process has contact with the server. The other lease ends by the clock.
  for (const key of await client.keys("*jobs:waits")) {
    for (const id of await client.zrange(key, 0, "-1")) {
      const end = await client.zscore(key, id);
      const work = key.replace(/waits$/, "work");
      const state = String(await client.hget(work, id));
      await client.hset(work, id, state.replace(` w ${end} `, ` w ${FAR_TEXT} `));
      await client.zadd(key, FAR_TEXT, id);
    }
  }
}

/** Creates jobs of one owner with a limit: one runs, one waits, and one was sent and holds its place. A sharded store refuses limits. */
async function createLimited({ store, options }: Place): Promise<void> {
  if ("shards" in options) return;
  const limit = { field: "owner", max: 1 } as const;
  const claim = (id: string) => {
    const message = { queue: "work", id: `${id}.1.0`, payload: { id } };
    return store.claim(id, "working", { from: ["waiting"], leaseMs: HOUR_MS, key: `${id}-limited`, message, limit });
  };
  for (const [id, owner] of [
    ["limited-1", "fay"],
    ["limited-2", "fay"],
    ["limited-3", "gil"],
    ["limited-4", "gil"],
  ] as const)
    await store.create({ title: "Limited", owner }, { id });
  const answers = [];
  for (const n of [1, 2, 3, 4]) answers.push((await claim(`limited-${n}`)).kind);
  if (answers.join() !== "claimed,limited,claimed,limited")
    throw new Error(`The claims were answered with ${answers}.`);
  await store.updateStatus("limited-3", "done", { result: { url: "/limited" } });
}

async function createUnreadable({ store, client, options }: Place): Promise<void> {
  await createInvalid(options, "invalid");
  for (const id of ["damaged", "replaced"]) {
    await store.create({ title: `Is ${id}` }, { id });
    const [key = ""] = await client.keys(`*job:${id}`);
    if (id === "damaged") await client.set(key, Buffer.from([0, 255, 34, 10, 92]));
    else await client.multi().del(key).rpush(key, "another", "program").exec();
  }
}

async function createMessages({ store }: Place): Promise<void> {
  const outbox = [
    { queue: "mails", payload: { to: "ann", lines: ["a", "b"] }, headers: { traceparent: "00-1-2-01" } },
    { queue: "mails", payload: "later", delayMs: HOUR_MS },
    { queue: "unknown", payload: null, id: "rejected" },
    { queue: "mails", payload: "requeued", id: "requeued" },
  ];
  await store.create({ title: "Sender" }, { id: "sender", outbox });
  const scheduled = await store.outbox.list({ kind: "scheduled" });
  await store.outbox.reschedule(
    scheduled.entries.map(({ entryId }) => entryId),
    { at: FAR },
  );
  // Until now, no message has been published. All but those of one job stay claimed.
  const entries = await store.outbox.read({ limit: 1_000 });
  const idsOf = (id: string) => entries.filter((entry) => entry.id === id).map(({ entryId }) => entryId);
  await store.outbox.reject([...idsOf("rejected"), ...idsOf("requeued")], "The queue is unknown.");
  await store.outbox.requeue(idsOf("requeued"));
  await store.outbox.ack(entries.filter(({ jobId }) => jobId === "waiting").map(({ entryId }) => entryId));
  await store.create({ title: "Not claimed" }, { id: "unclaimed" });
}

async function announce({ store, client }: Place): Promise<void> {
  await store.pauseQueue("mails", { reason: "maintenance", by: "ann" });
  await store.pauseQueue("work", { until: FAR });
  const [leased, ended] = await store.getMany(["leased", "ended"]);
  const worker = {
    by: "translator",
    queue: "work",
    host: "host-1",
    pid: 7,
    version: "1.2.3",
    state: "running" as const,
  };
  const statuses = { from: ["waiting" as const], working: "working" as const, concurrency: 4 };
  const startedAt = new Date("2026-01-01T00:00:00Z");
  const { renewed } = await store.announceWorker(
    { ...worker, ...statuses, id: "w-1", startedAt },
    leased == null ? [] : [leased],
    HOUR_MS,
  );
  // No reader claims messages any more, so the store has not sent the message of this lease again.
  const ends = ended == null ? [] : await store.renewLeases([ended], 0);
  if (![...renewed, ...ends].every(Boolean)) throw new Error("A lease could not be changed.");
  for (const key of await client.keys("*jobs:workers:ends")) {
    for (const id of await client.zrange(key, 0, "-1")) await client.zadd(key, FAR_TEXT, id);
  }
}

/** Records a gap without contact, and waits until the store has looked for timeouts. */
async function recordTimeouts({ store, client }: Place): Promise<void> {
  const keys = await client.keys("*jobs:metadata");
  for (const key of keys) await client.hincrby(key, "contact", -HOUR_MS);
  await store.renewLeases([], 1);
  const searched = async () => (await Promise.all(keys.map((key) => client.hexists(key, "timeouts")))).every(Boolean);
  while (!(await searched())) await new Promise((resolve) => setTimeout(resolve, 100));
  for (const key of await client.keys(`${KEY_PREFIX}*timeouts:owner`)) await client.del(key);
}
