import { expect } from "vitest";
import { defineJob, type Job, type JobStore } from "../../index.js";
import { openRecordedStore } from "../store/recorded-store.js";
import type { Context } from "./context.js";
import { report } from "./definitions.js";
import { expectRefusal, gone, manyIds } from "./expectations.js";

const { statuses } = report;

/** Definition of the same job type whose statuses send messages. */
export const sending = defineJob({
  ...report,
  statuses: {
    ...statuses,
    waiting: { ...statuses.waiting, sends: [{ queue: "workers" }] },
    working: { ...statuses.working, sends: [{ queue: "labels", ifField: "label" }, { queue: "all" }] },
    done: { ...statuses.done, sends: [{ queue: "owners", ifField: "owner" }, { queue: 'a "queue"\n\ud800' }] },
  },
});
export type Sending = typeof sending;

/** Reads the messages and removes them from the outbox. They are ordered by id, because shards have no common order. */
async function taken({ outbox }: JobStore<Sending>) {
  const entries = await outbox.read({ limit: 1000 });
  await outbox.ack(entries.map(({ entryId }) => entryId));
  return entries
    .map(({ queue, id, payload, headers, jobId }) => ({ queue, id, payload, headers, jobId }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Message that a status sends. */
function sent(jobId: string, version: number, position: number, queue: string, status: string, fields = {}) {
  return { queue, id: `${jobId}.${version}.${position}`, jobId, headers: {}, payload: { jobId, status, fields } };
}

export function sends({ test }: Context): void {
  test("creation sends the messages of the initial status, after those of the call", async ({ stores }) => {
    const store = stores.openFor(sending);
    await store.create({ title: "One" }, { id: "a" });
    await store.create({ title: "Two", label: "x" }, { id: "b", outbox: [{ queue: "own", payload: 1 }], by: "Ann" });
    expect(await taken(store)).toEqual([
      sent("a", 1, 0, "workers", "waiting"),
      { queue: "own", id: "b.1.0", payload: 1, headers: {}, jobId: "b" },
      sent("b", 1, 1, "workers", "waiting", { label: "x" }),
    ]);
  });

  test("each of many jobs that are created together sends its messages", async ({ stores }) => {
    const store = stores.openFor(sending);
    const ids = manyIds(60);
    await store.createMany(ids.map((id, n) => ({ id, data: { title: "One", ...(n % 3 === 0 && { label: id }) } })));
    const expected = ids.map((id, n) => sent(id, 1, 0, "workers", "waiting", n % 3 === 0 ? { label: id } : {}));
    expect(await taken(store)).toEqual(expected);
    await Promise.all(ids.map((id) => store.updateStatus(id, "working")));
    const messages = await taken(store);
    expect(messages).toHaveLength(60 + 20);
    expect(messages).toContainEqual(sent("job-0001", 2, 0, "all", "working"));
    expect(messages).toContainEqual(sent("job-0003", 2, 1, "all", "working", { label: "job-0003" }));
  });

  test("a change of status sends the messages of the new status, after those of the change", async ({ stores }) => {
    const store = stores.openFor(sending);
    const label = '"=\n\ud83d\ude00,"b"=1';
    await store.create({ title: "One", label, owner: "Ann" }, { id: "a" });
    await taken(store);
    const fields = { label, owner: "Ann" };
    const outbox = [
      { queue: "first", payload: 1, id: "mine" },
      { queue: "second", payload: 2 },
    ];
    await store.updateStatus("a", "working", { outbox, progress: { done: 1 } });
    expect(await taken(store)).toEqual([
      { queue: "second", id: "a.2.1", payload: 2, headers: {}, jobId: "a" },
      sent("a", 2, 2, "labels", "working", fields),
      sent("a", 2, 3, "all", "working", fields),
      { queue: "first", id: "mine", payload: 1, headers: {}, jobId: "a" },
    ]);
    await store.updateStatus("a", "done", { result: { url: "u" } });
    expect(await taken(store)).toEqual([
      sent("a", 3, 0, "owners", "done", fields),
      sent("a", 3, 1, 'a "queue"\n\ud800', "done", fields),
    ]);
  });

  test("a claim sends the messages of the working status, unless the job is in it already", async ({ stores }) => {
    const store = stores.openFor(sending);
    await store.create({ title: "One", label: "x" }, { id: "a" });
    await taken(store);
    const options = { from: ["waiting"], leaseMs: 60_000, message: { queue: "workers", id: "m", payload: 1 } } as const;
    const claimed = await store.claim("a", "working", { ...options, key: "k1" });
    expect(claimed).toMatchObject({ kind: "claimed", job: { version: 2 } });
    expect(await store.claim("a", "working", { ...options, key: "k1" })).toMatchObject({ kind: "claimed" });
    const fields = { label: "x" };
    expect(await taken(store)).toEqual([
      sent("a", 2, 0, "labels", "working", fields),
      sent("a", 2, 1, "all", "working", fields),
    ]);
    if (claimed.kind === "claimed") await store.renewLeases([claimed.job], 0);
    await taken(store);
    expect(await store.claim("a", "working", { ...options, key: "k2" })).toMatchObject({ job: { version: 3 } });
    expect(await taken(store)).toEqual([]);
  });

  test("a message with a field is sent only for jobs with a value in it", async ({ stores }) => {
    const store = stores.openFor(sending);
    await store.create({ title: "One", owner: null }, { id: "a" });
    await store.updateStatus("a", "working");
    await store.updateStatus("a", "done");
    expect((await taken(store)).map(({ id, queue }) => [id, queue])).toEqual([
      ["a.1.0", "workers"],
      ["a.2.0", "all"],
      ["a.3.0", 'a "queue"\n\ud800'],
    ]);
  });

  test("a retry sends the messages of the initial status again", async ({ stores }) => {
    const store = stores.openFor(sending);
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "failed");
    await taken(store);
    await store.updateStatus("a", "waiting");
    expect(await taken(store)).toEqual([sent("a", 3, 0, "workers", "waiting")]);
  });

  test("a call that enters no status sends nothing", async ({ stores }) => {
    const store = stores.openFor(sending, { ttlSeconds: { checking: 0.05 } });
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "working");
    await taken(store);
    await store.create({ title: "Again" }, { id: "a" });
    await store.updateStatus("a", "working", { outbox: [] });
    await store.updateProgress("a", { done: 0 });
    await expectRefusal(store.updateStatus("a", "waiting"), "ILLEGAL_TRANSITION");
    await expectRefusal(store.updateStatus("a", "working", { ifVersion: 1 }), "CONFLICT");
    await expectRefusal(store.updateStatus("none", "done"), "NOT_FOUND");
    await store.updateStatus("a", "checking");
    await gone(store, "a");
    expect(await taken(store)).toEqual([]);
    await store.create({ title: "Two", owner: "Ann" }, { id: "b" });
    await store.updateStatus("b", "failed");
    await taken(store);
    const { statusAt, ...failed } = (await store.get("b")) as Job<Sending>;
    for (const status of ["waiting", "done"] as const) {
      const saved = { ...failed, status, statusAt, version: (await store.get("b"))?.version } as Job<Sending>;
      await store.save(saved);
    }
    await store.updateStatus("b", "done");
    await store.delete("b");
    expect(await taken(store)).toEqual([]);
  });

  test("of several callers that make the same change, one sends the messages", async ({ stores }) => {
    const all = [1, 2, 3].map(() => stores.openFor(sending));
    const [store] = all as [JobStore<Sending>];
    await store.create({ title: "One" }, { id: "a" });
    await taken(store);
    const first = { ifVersion: 1 };
    await Promise.allSettled(
      all.flatMap((one) => [one.updateStatus("a", "working", first), one.updateStatus("a", "failed", first)]),
    );
    await Promise.allSettled(all.map((one) => one.updateStatus("a", "working")));
    const expected = (await store.get("a"))?.status === "working" ? [sent("a", 2, 0, "all", "working")] : [];
    expect(await taken(store)).toEqual(expected);
  });

  test("a store without the definition sends the recorded messages", async ({ stores, underTest }) => {
    const store = stores.openFor(sending);
    await store.create({ title: "One", owner: "Ann" }, { id: "a" });
    await taken(store);
    await using recorded = await openRecordedStore(underTest.again?.() ?? underTest.driver);
    expect(recorded?.lifecycle?.statuses.working?.sends).toEqual([
      { queue: "labels", ifField: "label" },
      { queue: "all", ifField: null },
    ]);
    await recorded?.store.updateStatus("a", "working", { outbox: [{ queue: "own", payload: 1 }] });
    await recorded?.store.create({ title: "Two" }, { id: "b" });
    expect(await taken(store)).toEqual([
      { queue: "own", id: "a.2.0", payload: 1, headers: {}, jobId: "a" },
      sent("a", 2, 1, "all", "working", { owner: "Ann" }),
      sent("b", 1, 0, "workers", "waiting"),
    ]);
  });

  test("during a deploy, each process sends the messages of its own definition", async ({ stores }) => {
    const [older, newer] = [stores.openFor(report), stores.openFor(sending)];
    await older.create({ title: "One" }, { id: "a" });
    await newer.updateStatus("a", "working");
    await older.updateStatus("a", "done");
    expect(await taken(newer)).toEqual([sent("a", 2, 0, "all", "working")]);
  });
}
