import { expect } from "vitest";
import type { JobDefinition, JobEvent, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { type Report, strictReport } from "./definitions.js";
import { expectRefusal, manyIds } from "./expectations.js";

type Event = JobEvent<Report>;

/** Starts a watch and returns a function that reads the next event. Changes after this call are received. */
export async function watching<D extends JobDefinition>(
  store: JobStore<D>,
  target?: string | { readonly after?: string },
  options?: { readonly signal?: AbortSignal },
) {
  const events = store.watch(target, options)[Symbol.asyncIterator]();
  const first = events.next();
  first.catch(() => {});
  const taken = { first: false };
  const take = () => {
    if (taken.first) return events.next();
    taken.first = true;
    return first;
  };
  // When this later call of the same store ends, the watch has its position in the log.
  await store.counts();
  await store.counts();
  return {
    next: async (): Promise<JobEvent<D>> => {
      const { done, value } = await take();
      return done === true ? expect.fail("the watch has ended") : value;
    },
    ended: async () => (await take()).done === true,
  };
}

/** Returns the job ids of the next `count` events. */
async function idsSeen(events: { next(): Promise<Event> }, count: number): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let n = 0; n < count; n++) {
    const event = await events.next();
    ids.add("id" in event ? event.id : event.type);
  }
  return ids;
}

/** Returns an event without its cursor and time. */
const gist = ({ cursor: _, ...event }: Event) => ("at" in event ? { ...event, at: undefined } : event);

export function watch({ test }: Context): void {
  test("with an id, the snapshot comes first, then each change in order, with its author", async ({
    store,
    stores,
  }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const events = await watching(store, "a");
    expect(await events.next()).toMatchObject({ type: "snapshot", job });
    const other = stores.openApart();
    const working = await other.updateStatus("a", "working", { by: "w1", note: "n" });
    await other.updateProgress(working, { done: 1 });
    const done = await store.updateStatus(working, "done");
    await store.save({ ...done, data: { title: "Two" } });
    await store.delete("a");
    expect(await events.next()).toMatchObject({
      ...{ type: "status", id: "a", from: "waiting", to: "working", version: 2, by: "w1", at: working.statusAt },
    });
    expect(gist(await events.next())).toEqual({ type: "progress", id: "a", progress: { done: 1 }, version: 2 });
    expect(gist(await events.next())).toEqual({ type: "status", id: "a", from: "working", to: "done", version: 3 });
    expect(gist(await events.next())).toEqual({ type: "saved", id: "a", from: "done", to: "done", version: 4 });
    expect(gist(await events.next())).toEqual({ type: "deleted", id: "a" });
  });

  test("events of changes in one tick have their own authors, whatever these contain", async ({ store }) => {
    const authors = ["w1", "w1,", 'w1","note":"n', 'w1\\","key":"k"}', "é\n", undefined];
    const ids = authors.map((_, n) => `job-${n}`);
    await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    const events = await watching(store);
    const changes = [{}, { note: "n" }, { key: "k" }, { note: '","key":"', key: 'k"' }];
    for (const [n, change] of changes.entries()) {
      await Promise.all(
        ids.map((id, at) => store.updateStatus(id, "working", { ...change, ...(authors[at] && { by: authors[at] }) })),
      );
      const seen = new Map<string, string | undefined>();
      for (const _ of ids) {
        const event = await events.next();
        if (event.type !== "status") expect.fail(event.type);
        expect(event.version).toBe(n + 2);
        seen.set(event.id, event.by);
      }
      expect(ids.map((id) => seen.get(id))).toEqual(authors);
    }
  });

  test("with an unknown id, the snapshot is null, and the creation of the job is an event", async ({ store }) => {
    const events = await watching(store, "a");
    expect(await events.next()).toMatchObject({ type: "snapshot", job: null });
    await store.create({ title: "One" }, { id: "b" });
    const { job } = await store.create({ title: "One" }, { id: "a", by: "me" });
    expect(await events.next()).toMatchObject({
      ...{ type: "created", id: "a", from: null, to: "waiting", version: 1, by: "me", at: job.createdAt },
    });
  });

  test("the creation of a job names its author, also without index fields", async ({ stores }) => {
    const store = stores.openFor(strictReport);
    const events = await watching(store);
    await store.create({ title: "One" }, { id: "a", by: "me" });
    expect(await events.next()).toMatchObject({ type: "created", id: "a", by: "me" });
  });

  test("without a target, all later changes of all jobs are events, in commit order", async ({ store, stores }) => {
    await store.create({ title: "Before" }, { id: "before" });
    const events = await watching(store);
    const other = stores.openApart();
    for (const id of ["a", "b", "c"]) await other.create({ title: "One" }, { id });
    await store.updateStatus("b", "working");
    const seen = [await events.next(), await events.next(), await events.next(), await events.next()];
    expect(seen.map((event) => "id" in event && [event.type, event.id])).toEqual([
      ["created", "a"],
      ["created", "b"],
      ["created", "c"],
      ["status", "b"],
    ]);
  });

  test("a call that changes nothing adds no event", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "working");
    await store.updateStatus("a", "done");
    const events = await watching(store, "a");
    await events.next();
    await store.updateStatus("a", "done");
    await store.updateStatus("a", "working").catch(() => {});
    await store.updateProgress("a", { done: 1 }).catch(() => {});
    await store.create({ title: "Again" }, { id: "a" });
    await store.delete("a");
    expect(await events.next()).toMatchObject({ type: "deleted" });
  });

  test("versions are consecutive after the snapshot, with many concurrent writers", async ({ store, stores }) => {
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "working");
    const writers = [stores.openApart(), stores.openApart(), stores.openApart()];
    const writing = Promise.all(
      writers.map(async (writer) => {
        for (let n = 0; n < 20; n++) await writer.updateStatus("a", "working");
      }),
    );
    const events = await watching(store, "a");
    const first = await events.next();
    let version = first.type === "snapshot" ? (first.job?.version ?? 0) : 0;
    while (version < 62) {
      const event = await events.next();
      expect(event).toMatchObject({ type: "status", version: version + 1 });
      version++;
    }
    await writing;
  });

  test("after a cursor, all later events are received, each once", async ({ store, stores }) => {
    const events = await watching(store);
    for (const id of manyIds(30)) await store.create({ title: "One" }, { id });
    for (let n = 1; n < 10; n++) await events.next();
    const { cursor } = await events.next();
    const resumed = await watching(stores.openApart(), { after: cursor });
    const beside = await watching(store, { after: cursor });
    // The order is per job, because there is no order between shards.
    const seen = {
      before: await idsSeen(events, 20),
      resumed: await idsSeen(resumed, 20),
      beside: await idsSeen(beside, 20),
    };
    expect(seen.before.size).toBe(20);
    expect(seen.resumed).toEqual(seen.before);
    expect(seen.beside).toEqual(seen.before);
    await store.create({ title: "Live" }, { id: "live" });
    expect(await resumed.next()).toMatchObject({ id: "live" });
    expect(await beside.next()).toMatchObject({ id: "live" });
  });

  test("each of a thousand watchers of one store receives the events of its own job", async ({ store }) => {
    const ids = manyIds(1000);
    const watches = ids.map((id) => store.watch(id)[Symbol.asyncIterator]());
    const snapshots = await Promise.all(watches.map((events) => events.next()));
    for (const { value } of snapshots) expect(value).toMatchObject({ type: "snapshot", job: null });
    await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    const seen = await Promise.all(watches.map((events) => events.next()));
    expect(seen.map(({ value }) => value.id)).toEqual(ids);
  });

  test("a slow consumer receives resync instead of the missed events, and delays no other consumer", async ({
    store,
  }) => {
    const slow = await watching(store);
    const quick = await watching(store);
    await store.create({ title: "One" }, { id: "first" });
    expect(await slow.next()).toMatchObject({ id: "first" });
    expect(await quick.next()).toMatchObject({ id: "first" });
    const ids = manyIds(2500);
    for (let n = 0; n < ids.length; n += 500) {
      const some = ids.slice(n, n + 500);
      await store.createMany(some.map((id) => ({ data: { title: "One" }, id })));
      for (const _ of some) expect(await quick.next()).toMatchObject({ type: "created" });
    }
    const resync = await slow.next();
    expect(resync).toMatchObject({ type: "resync", reason: expect.stringContaining("behind") });
    await store.create({ title: "One" }, { id: "last" });
    let event = await slow.next();
    while (!("id" in event && event.id === "last")) event = await slow.next();
  });

  test("an aborted signal ends a watch without an error, before it begins and while it waits", async ({ store }) => {
    const before = await watching(store, "a", { signal: AbortSignal.abort() });
    expect(await before.ended()).toBe(true);
    const stop = new AbortController();
    const events = await watching(store, undefined, { signal: stop.signal });
    const ended = events.ended();
    stop.abort();
    expect(await ended).toBe(true);
  });

  test("closing the store ends a watch, and later watches are rejected", async ({ stores }) => {
    const store = stores.open();
    const events = await watching(store);
    const ended = events.ended();
    await store.close();
    expect(await ended).toBe(true);
    await expectRefusal(Promise.resolve(store.watch("a")[Symbol.asyncIterator]().next()), "CLOSED");
  });

  test("invalid ids and cursors of other stores are INVALID_ARGUMENT at once", async ({ store }) => {
    const { cursor } = { cursor: (await store.list({ limit: 1 })).cursor ?? "bm9uZQ" };
    for (const target of ["job:*", "", { after: "garbage" }, { after: cursor }, { after: 7 }, 7, null]) {
      expect(() => store.watch(target as string)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
}

/** Begins to wait, and makes another call of the same store, so that the wait is in progress. */
async function waiting(store: JobStore<Report>, ...args: Parameters<JobStore<Report>["waitFor"]>) {
  const outcome = store.waitFor(...args);
  outcome.catch(() => {});
  await store.counts();
  await store.counts();
  return { outcome };
}

export function waitFor({ test }: Context): void {
  test("a job that is already in the status is returned at once", async ({ store }) => {
    const { job } = await store.create({ title: "One" });
    expect(await store.waitFor(job.id, { until: ["waiting"] })).toEqual(job);
  });

  test("by default it waits for any final status", async ({ store, stores }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    const other = stores.openApart();
    await other.updateStatus("a", "working");
    await other.updateProgress("a", { done: 1 });
    const done = await other.updateStatus("a", "done", { result: { url: "u" } });
    expect(await outcome).toEqual(done);
  });

  test("a status that the job has left again counts", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a", { until: ["checking"] });
    await store.updateStatus("a", "working");
    await store.updateStatus("a", "checking");
    await store.updateStatus("a", "done");
    expect(["checking", "done"]).toContain((await outcome).status);
  });

  test("a save into the status counts", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    const saved = await store.save({ ...job, status: "done" });
    expect(await outcome).toEqual(saved);
  });

  test("a job that does not exist, or is deleted during the wait, is NOT_FOUND", async ({ store }) => {
    await expectRefusal(store.waitFor("unknown"), "NOT_FOUND", { jobId: "unknown" });
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    await store.delete("a");
    await expectRefusal(outcome, "NOT_FOUND", { jobId: "a" });
  });

  test("a job that expires during the wait is NOT_FOUND", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await store.create({ title: "One" }, { id: "a" });
    await expectRefusal(store.waitFor("a"), "NOT_FOUND", { jobId: "a" });
  });

  test("a job that expires in another status during the wait is NOT_FOUND", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.1 } });
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a", { until: ["checking"] });
    await store.updateStatus("a", "failed");
    await expectRefusal(outcome, "NOT_FOUND", { jobId: "a" });
  });

  test("the wait ends with TIMEOUT after the timeout, and not before", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const begun = performance.now();
    await expectRefusal(store.waitFor("a", { timeoutMs: 120 }), "TIMEOUT", { jobId: "a" });
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  test("an aborted signal ends the wait with the signal's reason", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const stop = new AbortController();
    const { outcome } = await waiting(store, "a", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(outcome).rejects.toThrow("enough");
    await expect(store.waitFor("a", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });

  test("closing the store ends the wait with CLOSED", async ({ stores }) => {
    const store = stores.open();
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    await store.close();
    await expectRefusal(outcome, "CLOSED");
    await expectRefusal(store.waitFor("a"), "CLOSED");
  });

  test("ids, statuses and times out of range are INVALID_ARGUMENT", async ({ store }) => {
    await expectRefusal(store.waitFor("job:*"), "INVALID_ARGUMENT");
    await expectRefusal(store.waitFor("a", { until: ["nowhere" as "done"] }), "INVALID_ARGUMENT");
    await expectRefusal(store.waitFor("a", { until: [] }), "INVALID_ARGUMENT");
    for (const timeoutMs of [-1, 0.5, Number.NaN, 2 ** 31]) {
      await expectRefusal(store.waitFor("a", { timeoutMs }), "INVALID_ARGUMENT");
    }
  });
}
