import { expect, vi } from "vitest";
import type { JobStore, OutboxEntry, OutboxMessage } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, step } from "./definitions.js";
import { clockOf, expectRefusal, laterThan, PATIENCE, view } from "./expectations.js";

export function outbox({ test }: Context): void {
  test("messages are stored with the creation of a job, and with its changes", async ({ store }) => {
    await store.create(
      { title: "One" },
      {
        id: "a",
        outbox: [
          { queue: "first", payload: { n: 1 } },
          { queue: "second", payload: [2], headers: { k: "v" } },
        ],
      },
    );
    const job = await store.updateStatus("a", "working", {
      outbox: [{ queue: "third", payload: "three", id: "mine" }],
    });
    await step(store, job, "done", { outbox: [{ queue: "fourth", payload: null }] });
    const entry = {
      entryId: expect.any(String),
      jobId: "a",
      at: expect.any(Date),
      headers: {},
      origin: expect.any(String),
    };
    const entries = await store.outbox.read();
    expect(entries).toEqual([
      { ...entry, queue: "first", payload: { n: 1 }, id: "a.1.0" },
      { ...entry, queue: "second", payload: [2], id: "a.1.1", headers: { k: "v" } },
      { ...entry, queue: "third", payload: "three", id: "mine" },
      { ...entry, queue: "fourth", payload: null, id: "a.3.0" },
    ]);
    expect(new Set(entries.map(({ entryId }) => entryId)).size).toBe(4);
    expect(entries[2]?.at.getTime()).toBeGreaterThanOrEqual(job.statusAt.getTime());
  });

  test("options that are undefined are ignored", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1, id: undefined, headers: undefined }];
    await store.create({ title: "One" }, { id: "a", outbox });
    expect(
      await store.outbox.read({ limit: undefined, waitMs: undefined, claimMs: undefined, signal: undefined }),
    ).toMatchObject([{ id: "a.1.0", headers: {} }]);
  });

  test("no message is stored if the change is not made", async ({ store }) => {
    const job = await jobIn(store, "done", "a");
    const outbox = [{ queue: "reports", payload: 1 }];
    const before = await view(store);
    await store.create({ title: "Again" }, { id: "a", outbox });
    await step(store, "a", "done", { outbox });
    await expectRefusal(step(store, "a", "working", { outbox }), "ILLEGAL_TRANSITION");
    await expectRefusal(step(store, "a", "done", { outbox, ifVersion: 9 }), "CONFLICT");
    await expectRefusal(step(store, { ...job, version: 9 }, "done", { outbox }), "CONFLICT");
    await expectRefusal(step(store, "b", "working", { outbox }), "NOT_FOUND");
    await expectRefusal(store.create({ title: "" }, { outbox }), "INVALID_DATA");
    await expectRefusal(step(store, "a", "done", { outbox, result: { url: 7 as never } }), "INVALID_DATA");
    expect(await view(store)).toEqual(before);
    expect(await store.outbox.read()).toEqual([]);
  });

  test("the change is not made if a message is rejected", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    const before = await view(store);
    const good = { queue: "reports", payload: 1 };
    const wrong: readonly unknown[] = [
      null,
      "reports",
      { payload: 1 },
      { queue: "", payload: 1 },
      { queue: "q".repeat(256), payload: 1 },
      { ...good, id: "" },
      { ...good, id: "i".repeat(256) },
      { ...good, id: 7 },
      { ...good, headers: [] },
      { ...good, headers: { attempts: 1 } },
      { ...good, headers: "k=v" },
    ];
    for (const message of wrong) {
      const outbox = [good, message] as OutboxMessage[];
      await expectRefusal(store.create({ title: "One" }, { id: "b", outbox }), "INVALID_ARGUMENT");
      await expectRefusal(store.updateStatus("a", "working", { outbox }), "INVALID_ARGUMENT");
    }
    for (const payload of [undefined, Number.NaN, new Date(0), 1n, () => 1]) {
      const outbox = [good, { queue: "reports", payload }];
      await expectRefusal(store.create({ title: "One" }, { id: "b", outbox }), "INVALID_DATA", { jobId: "b" });
      await expectRefusal(store.updateStatus("a", "working", { outbox }), "INVALID_DATA", { jobId: "a" });
    }
    expect(await view(store)).toEqual(before);
  });

  test("a single reader receives the messages in the order of their changes", async ({ store, stores }) => {
    const other = stores.openApart();
    const outbox = [
      { queue: "reports", payload: 0 },
      { queue: "reports", payload: 1 },
    ];
    await store.create({ title: "One" }, { id: "a", outbox });
    const expected = ["a.1.0", "a.1.1"];
    for (let version = 2; version <= 80; version++) {
      await (version % 2 === 0 ? other : store).updateStatus("a", "working", { outbox });
      expected.push(`a.${version}.0`, `a.${version}.1`);
    }
    const seen: string[] = [];
    while (seen.length < expected.length) {
      const entries = await other.outbox.read({ limit: 7 });
      expect(entries.length).toBe(Math.min(7, expected.length - seen.length));
      seen.push(...entries.map(({ id }) => id));
    }
    expect(seen).toEqual(expected);
  });

  test("save stores no message, and the messages of a deleted job are kept", async ({ store }) => {
    await store.save(imported("a"));
    expect(await store.outbox.depth()).toBe(0);
    await store.updateStatus("a", "done", { outbox: [{ queue: "reports", payload: 1 }] });
    await store.delete("a");
    expect(await store.outbox.read()).toMatchObject([{ id: "a.8.0", jobId: "a" }]);
  });

  test("depth and oldest describe the waiting messages", async ({ store, stores }) => {
    expect(await store.outbox.depth()).toBe(0);
    expect(await store.outbox.oldest()).toBeNull();
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [first] = await store.outbox.read();
    await laterThan(store, first?.at as Date);
    await store.create({ title: "Two" }, { id: "b", outbox: [{ queue: "reports", payload: 2 }] });
    // A claimed message still counts, because it is not published yet.
    for (const one of [store, stores.openApart()]) {
      expect(await one.outbox.depth()).toBe(2);
      expect(await one.outbox.oldest()).toEqual(first?.at);
    }
    const [second] = await store.outbox.read();
    await store.outbox.ack([first?.entryId as string]);
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.outbox.oldest()).toEqual(second?.at);
    await store.outbox.ack([second?.entryId as string]);
    expect(await store.outbox.oldest()).toBeNull();
  });
}

/** Stores `count` messages and returns their payloads. */
async function fill(store: JobStore<Report>, count: number): Promise<number[]> {
  const payloads = Array.from({ length: count }, (_, payload) => payload);
  await store.create({ title: "One" }, { id: "a", outbox: payloads.map((payload) => ({ queue: "reports", payload })) });
  return payloads;
}

const payloads = (entries: readonly OutboxEntry[]) => entries.map(({ payload }) => payload);
const ids = (entries: readonly OutboxEntry[]) => entries.map(({ entryId }) => entryId);

export function outboxClaims({ test }: Context): void {
  test("several readers share the messages, and each message goes to one of them", async ({ store, stores }) => {
    const all = await fill(store, 60);
    const readers = [store, stores.open(), stores.openApart(), stores.openApart()];
    const reads = await Promise.all(
      readers.flatMap(({ outbox }) => [outbox.read({ limit: 5 }), outbox.read({ limit: 5 })]),
    );
    for (const read of reads) expect(read.length).toBeLessThanOrEqual(5);
    const rest = await store.outbox.read({ limit: 1000 });
    expect(
      reads
        .flatMap(payloads)
        .concat(payloads(rest))
        .sort((a, b) => Number(a) - Number(b)),
    ).toEqual(all);
    for (const { outbox } of readers) expect(await outbox.read()).toEqual([]);
  });

  test("a read returns at most `limit` messages, 100 by default", async ({ store }) => {
    await fill(store, 130);
    expect(await store.outbox.read({ limit: 1 })).toHaveLength(1);
    expect(await store.outbox.read()).toHaveLength(100);
    expect(await store.outbox.read({ limit: 1000 })).toHaveLength(29);
  });

  test("a claim ends after claimMs: the same messages are returned again, in order", async ({ store, stores }) => {
    await fill(store, 6);
    const other = stores.openApart();
    const begun = await clockOf(store);
    const first = await store.outbox.read({ limit: 4, claimMs: 200 });
    const again: OutboxEntry[] = [];
    await vi.waitFor(async () => {
      again.push(...(await other.outbox.read({ claimMs: 60_000 })));
      expect(again).toHaveLength(6);
    }, PATIENCE);
    expect(await clockOf(store)).toBeGreaterThanOrEqual(begun + 200);
    expect(payloads(again).toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(again.filter(({ payload }) => Number(payload) < 4)).toEqual(first);
    expect(await store.outbox.read()).toEqual([]);
  });

  test("many messages of one millisecond are returned again in commit order when their claims end", async ({
    store,
  }) => {
    const all = await fill(store, 40);
    await store.outbox.read({ claimMs: 1 });
    const again: OutboxEntry[] = [];
    await vi.waitFor(async () => {
      again.push(...(await store.outbox.read({ limit: 15, claimMs: 60_000 })));
      expect(again).toHaveLength(40);
    }, PATIENCE);
    expect(payloads(again)).toEqual(all);
  });

  test("a message that is returned again is claimed again", async ({ store }) => {
    await fill(store, 1);
    for (let turn = 0; turn < 3; turn++) {
      const entries = await store.outbox.read({ waitMs: 10_000, claimMs: 50 });
      expect(payloads(entries)).toEqual([0]);
    }
    await vi.waitFor(async () => expect(await store.outbox.read({ claimMs: 60_000 })).toHaveLength(1), PATIENCE);
    expect(await store.outbox.read()).toEqual([]);
  });

  test("any reader can acknowledge a message, before and after its claim ends", async ({ store, stores }) => {
    await fill(store, 3);
    const entries = await store.outbox.read({ claimMs: 1 });
    await stores.openApart().outbox.ack(ids(entries).slice(0, 2));
    expect(await store.outbox.depth()).toBe(1);
    await vi.waitFor(async () => expect(payloads(await store.outbox.read())).toEqual([2]), PATIENCE);
    await store.outbox.ack(ids(entries));
    expect(await store.outbox.depth()).toBe(0);
  });

  test("ids that are not stored, or that occur twice, are ignored", async ({ store }) => {
    await fill(store, 2);
    const [first] = ids(await store.outbox.read());
    await store.outbox.ack([first as string, "1-1", first as string]);
    await store.outbox.ack([first as string]);
    await store.outbox.reject([first as string], "gone");
    await store.outbox.requeue(["1-1", first as string]);
    await store.outbox.ack([]);
    expect(await store.outbox.rejected()).toEqual([]);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("entry ids in the format of another number of shards are ignored", async ({ store }) => {
    await fill(store, 1);
    const [entry] = await store.outbox.read();
    const other = `999-${entry?.entryId.split("-").slice(-2).join("-")}`;
    await store.outbox.ack([other]);
    await store.outbox.reject([other], "why");
    await store.outbox.requeue([other]);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("rejected messages are kept with the reason, and not included in depth and oldest", async ({
    store,
    stores,
  }) => {
    await fill(store, 3);
    const entries = await store.outbox.read({ claimMs: 1 });
    const reason = 'No queue "reports".\nTwo lines, "quotes" and 🦊.';
    await store.outbox.reject(ids(entries.slice(1)), reason);
    expect(await store.outbox.depth()).toBe(1);
    expect(await stores.openApart().outbox.rejected()).toEqual(entries.slice(1).map((entry) => ({ ...entry, reason })));
    expect(await store.outbox.rejected({ limit: 1 })).toEqual([{ ...entries[1], reason }]);
    expect(await store.outbox.countRejected()).toBe(2);
    await vi.waitFor(async () => expect(payloads(await store.outbox.read())).toEqual([0]), PATIENCE);
    expect(await store.outbox.read()).toEqual([]);
    await store.outbox.ack(ids(entries.slice(0, 1)));
    expect(await store.outbox.oldest()).toBeNull();
  });

  test("a requeued message can be read at once, and acknowledged or rejected again", async ({ store }) => {
    await fill(store, 2);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "first");
    await store.outbox.requeue(ids(entries).slice(0, 1));
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.outbox.rejected()).toHaveLength(1);
    const again = await store.outbox.read();
    expect(again).toMatchObject([{ jobId: "a", id: "a.1.0", payload: 0, queue: "reports" }]);
    expect(ids(again)).not.toEqual(ids(entries).slice(0, 1));
    await store.outbox.reject(ids(again), "second");
    // A repeated call names the entry by its old id.
    await store.outbox.requeue(ids(entries).slice(0, 1));
    expect(await store.outbox.depth()).toBe(0);
    expect((await store.outbox.rejected()).map(({ reason }) => reason).sort()).toEqual(["first", "second"]);
  });

  test("a rejected message can be acknowledged, and is then deleted permanently", async ({ store }) => {
    await fill(store, 2);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "no such queue");
    await store.outbox.ack(ids(entries).slice(0, 1));
    expect(payloads(await store.outbox.rejected())).toEqual([1]);
    await store.outbox.requeue(ids(entries));
    expect(payloads(await store.outbox.read())).toEqual([1]);
  });

  test("rejecting a rejected message again keeps the first reason", async ({ store }) => {
    await fill(store, 1);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "first");
    await store.outbox.reject(ids(entries), "second");
    expect((await store.outbox.rejected()).map(({ reason }) => reason)).toEqual(["first"]);
  });

  test("invalid arguments are INVALID_ARGUMENT", async ({ store }) => {
    const wrong: readonly object[] = [
      { limit: 0 },
      { limit: 1001 },
      { waitMs: -1 },
      { waitMs: Number.POSITIVE_INFINITY },
      { claimMs: 0 },
      { claimMs: 1.5 },
      { claimMs: 86_400_001 },
    ];
    for (const options of wrong) await expectRefusal(store.outbox.read(options), "INVALID_ARGUMENT");
    await expectRefusal(store.outbox.rejected({ limit: 0 }), "INVALID_ARGUMENT");
    for (const entryIds of ["1-1", ["*"], [""], ["1-1\r\n"], ["123"], ["---"], ["1-"], [7], null]) {
      await expectRefusal(store.outbox.ack(entryIds as string[]), "INVALID_ARGUMENT");
      await expectRefusal(store.outbox.reject(entryIds as string[], "why"), "INVALID_ARGUMENT");
      await expectRefusal(store.outbox.requeue(entryIds as string[]), "INVALID_ARGUMENT");
    }
    await expectRefusal(store.outbox.reject(["1-1"], 7 as never), "INVALID_ARGUMENT");
  });
}

/** Time longer than the tests last, in milliseconds. A read that waits this long was not woken. */
const LONG = 60_000;

const send = (store: JobStore<Report>, payload: number) =>
  store.create({ title: "One" }, { outbox: [{ queue: "reports", payload }] });

/** Begins to wait, and makes another call of the same store, so that the wait is in progress. */
async function waiting(store: JobStore<Report>, options: Parameters<JobStore<Report>["outbox"]["read"]>[0] = {}) {
  const read = store.outbox.read({ waitMs: LONG, ...options });
  for (let call = 0; call < 5; call++) await store.counts();
  return { read };
}

export function outboxWaits({ test }: Context): void {
  test("without waitMs, a read of an empty outbox returns at once", async ({ store }) => {
    expect(await store.outbox.read()).toEqual([]);
  });

  test("with waitMs, it returns no messages after this time, and not before", async ({ store }) => {
    const begun = performance.now();
    expect(await store.outbox.read({ waitMs: 120 })).toEqual([]);
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  test("a read does not wait if messages are stored already", async ({ store }) => {
    await send(store, 1);
    expect(payloads(await store.outbox.read({ waitMs: LONG }))).toEqual([1]);
  });

  test("a new message wakes the reader, from this store and from another", async ({ store, stores }) => {
    for (const writer of [store, stores.open(), stores.openApart()]) {
      const { read } = await waiting(store);
      await send(writer, 7);
      expect(payloads(await read)).toEqual([7]);
    }
  });

  test("the message of a status change also wakes the reader", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { read } = await waiting(store);
    await store.updateStatus("a", "working", { outbox: [{ queue: "reports", payload: 1 }] });
    expect(payloads(await read)).toEqual([1]);
  });

  test("a change without a message does not end the wait", async ({ store }) => {
    const { read } = await waiting(store);
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "working");
    await send(store, 2);
    expect(payloads(await read)).toEqual([2]);
  });

  test("the end of a claim wakes the reader", async ({ store, stores }) => {
    await send(store, 3);
    expect(await stores.openApart().outbox.read({ claimMs: 200 })).toHaveLength(1);
    expect(payloads(await store.outbox.read({ waitMs: LONG }))).toEqual([3]);
  });

  test("a requeued message wakes the reader", async ({ store, stores }) => {
    await send(store, 4);
    const [entry] = await store.outbox.read();
    await store.outbox.reject([entry?.entryId as string], "no such queue");
    const { read } = await waiting(store);
    await stores.openApart().outbox.requeue([entry?.entryId as string]);
    expect(payloads(await read)).toEqual([4]);
  });

  test("each message is returned to one of several waiting readers", async ({ store, stores }) => {
    const readers = await Promise.all(
      [store, store, stores.openApart(), stores.openApart()].map((one) => waiting(one, { limit: 1 })),
    );
    for (let message = 0; message < 4; message++) await send(store, message);
    const seen = await Promise.all(readers.map(({ read }) => read));
    expect(seen.flatMap(payloads).toSorted()).toEqual([0, 1, 2, 3]);
  });

  test("other calls of the store succeed while a reader waits", async ({ store }) => {
    const end = new AbortController();
    const { read } = await waiting(store, { signal: end.signal });
    const { job } = await store.create({ title: "One" });
    await store.updateStatus(job.id, "working");
    expect((await store.list()).items).toHaveLength(1);
    expect((await store.health()).status).not.toBe("unhealthy");
    end.abort();
    expect(await read).toEqual([]);
  });

  test("an aborted signal ends the wait without messages or claims, before and during the wait", async ({ store }) => {
    expect(await store.outbox.read({ waitMs: LONG, signal: AbortSignal.abort() })).toEqual([]);
    const end = new AbortController();
    const { read } = await waiting(store, { signal: end.signal });
    end.abort();
    expect(await read).toEqual([]);
    await send(store, 5);
    expect(payloads(await store.outbox.read())).toEqual([5]);
  });

  test("a read with an aborted signal claims nothing, although messages are stored", async ({ store }) => {
    await send(store, 6);
    expect(await store.outbox.read({ signal: AbortSignal.abort() })).toEqual([]);
    expect(payloads(await store.outbox.read())).toEqual([6]);
  });

  test("closing the store ends the wait at once, without messages", async ({ store, stores }) => {
    const { read } = await waiting(store);
    await store.close();
    expect(await read).toEqual([]);
    const other = stores.open();
    await send(other, 8);
    expect(payloads(await other.outbox.read())).toEqual([8]);
  });
}
