import { expect } from "vitest";
import type { JobDefinition, JobEvent, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal, manyIds } from "./expectations.js";

type Event = JobEvent<Report>;

/** Reads events one by one. Begins at once: what happens after this call is seen. */
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
  // Calls behind it on the same store: the watch has its place in the log by then.
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

/** Of the next so many events. */
async function idsSeen(events: { next(): Promise<Event> }, count: number): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let n = 0; n < count; n++) {
    const event = await events.next();
    ids.add("id" in event ? event.id : event.type);
  }
  return ids;
}

/** What an event is about, without its cursor and time. */
const gist = ({ cursor: _, ...event }: Event) => ("at" in event ? { ...event, at: undefined } : event);

export function watch({ test }: Context): void {
  test("with an id, the job as it stands comes first, then each change in order, by whom", async ({
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

  test("with an id of no job, the snapshot is null, and its creation is seen", async ({ store }) => {
    const events = await watching(store, "a");
    expect(await events.next()).toMatchObject({ type: "snapshot", job: null });
    await store.create({ title: "One" }, { id: "b" });
    const { job } = await store.create({ title: "One" }, { id: "a", by: "me" });
    expect(await events.next()).toMatchObject({
      ...{ type: "created", id: "a", from: null, to: "waiting", version: 1, by: "me", at: job.createdAt },
    });
  });

  test("without a target, changes of all jobs come from now on, in commit order", async ({ store, stores }) => {
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

  test("what changes nothing makes no event", async ({ store }) => {
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

  test("versions are contiguous from the snapshot on, however many write meanwhile", async ({ store, stores }) => {
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

  test("after a cursor, everything since that event is seen, nothing twice", async ({ store, stores }) => {
    const events = await watching(store);
    for (const id of manyIds(30)) await store.create({ title: "One" }, { id });
    for (let n = 1; n < 10; n++) await events.next();
    const { cursor } = await events.next();
    const resumed = await watching(stores.openApart(), { after: cursor });
    const beside = await watching(store, { after: cursor });
    // In commit order per job; jobs may be spread over parts that keep no order between them.
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

  test("a thousand watchers of one store each see their own job", async ({ store }) => {
    const ids = manyIds(1000);
    const watches = ids.map((id) => store.watch(id)[Symbol.asyncIterator]());
    const snapshots = await Promise.all(watches.map((events) => events.next()));
    for (const { value } of snapshots) expect(value).toMatchObject({ type: "snapshot", job: null });
    await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    const seen = await Promise.all(watches.map((events) => events.next()));
    expect(seen.map(({ value }) => value.id)).toEqual(ids);
  });

  test("a consumer that falls behind gets resync instead of all it missed, and holds up nobody", async ({ store }) => {
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

  test("aborting ends it without an error, before it begins and while it waits", async ({ store }) => {
    const before = await watching(store, "a", { signal: AbortSignal.abort() });
    expect(await before.ended()).toBe(true);
    const stop = new AbortController();
    const events = await watching(store, undefined, { signal: stop.signal });
    const ended = events.ended();
    stop.abort();
    expect(await ended).toBe(true);
  });

  test("closing the store ends it; afterwards it is refused", async ({ stores }) => {
    const store = stores.open();
    const events = await watching(store);
    const ended = events.ended();
    await store.close();
    expect(await ended).toBe(true);
    await expectRefusal(Promise.resolve(store.watch("a")[Symbol.asyncIterator]().next()), "CLOSED");
  });

  test("hostile ids and foreign cursors are INVALID_ARGUMENT at once", async ({ store }) => {
    const { cursor } = { cursor: (await store.list({ limit: 1 })).cursor ?? "bm9uZQ" };
    for (const target of ["job:*", "", { after: "garbage" }, { after: cursor }, { after: 7 }, 7, null]) {
      expect(() => store.watch(target as string)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
}
