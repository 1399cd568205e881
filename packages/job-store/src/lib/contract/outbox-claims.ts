import { expect, vi } from "vitest";
import type { JobStore, OutboxEntry } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal, PATIENCE } from "./expectations.js";

/** Stores `count` messages and answers with their payloads. */
async function fill(store: JobStore<Report>, count: number): Promise<number[]> {
  const payloads = Array.from({ length: count }, (_, payload) => payload);
  await store.create({ title: "One" }, { id: "a", outbox: payloads.map((payload) => ({ queue: "reports", payload })) });
  return payloads;
}

const payloads = (entries: readonly OutboxEntry[]) => entries.map(({ payload }) => payload);
const ids = (entries: readonly OutboxEntry[]) => entries.map(({ entryId }) => entryId);

export function outboxClaims({ test }: Context): void {
  test("several readers share the messages: none goes to two of them", async ({ store, stores }) => {
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

  test("no more than `limit`, 100 unless asked otherwise", async ({ store }) => {
    await fill(store, 130);
    expect(await store.outbox.read({ limit: 1 })).toHaveLength(1);
    expect(await store.outbox.read()).toHaveLength(100);
    expect(await store.outbox.read({ limit: 1000 })).toHaveLength(29);
  });

  test("a claim lapses after claimMs: the message is handed out again, the same, in order", async ({
    store,
    stores,
  }) => {
    await fill(store, 6);
    const other = stores.openApart();
    await other.counts(); // Connected: the claim must not lapse while it does that.
    const first = await store.outbox.read({ limit: 4, claimMs: 200 });
    expect(payloads(await other.outbox.read({ limit: 1, claimMs: 60_000 }))).toEqual([4]);
    const again: OutboxEntry[] = [];
    await vi.waitFor(async () => {
      again.push(...(await other.outbox.read({ claimMs: 60_000 })));
      expect(again).toHaveLength(5);
    }, PATIENCE);
    expect(payloads(again).toSorted()).toEqual([0, 1, 2, 3, 5]);
    expect(again.filter(({ payload }) => Number(payload) < 4)).toEqual(first);
    expect(await store.outbox.read()).toEqual([]);
  });

  test("lapsed claims on many messages of one moment are handed out again in commit order", async ({ store }) => {
    const all = await fill(store, 40);
    await store.outbox.read({ claimMs: 1 });
    const again: OutboxEntry[] = [];
    await vi.waitFor(async () => {
      again.push(...(await store.outbox.read({ limit: 15, claimMs: 60_000 })));
      expect(again).toHaveLength(40);
    }, PATIENCE);
    expect(payloads(again)).toEqual(all);
  });

  test("a lapsed claim is a claim again once it is handed out again", async ({ store }) => {
    await fill(store, 1);
    for (let turn = 0; turn < 3; turn++) {
      const entries = await store.outbox.read({ waitMs: 10_000, claimMs: 50 });
      expect(payloads(entries)).toEqual([0]);
    }
    await vi.waitFor(async () => expect(await store.outbox.read({ claimMs: 60_000 })).toHaveLength(1), PATIENCE);
    expect(await store.outbox.read()).toEqual([]);
  });

  test("an acknowledged message is gone, whoever acknowledges it, lapsed or not", async ({ store, stores }) => {
    await fill(store, 3);
    const entries = await store.outbox.read({ claimMs: 1 });
    await stores.openApart().outbox.ack(ids(entries).slice(0, 2));
    expect(await store.outbox.depth()).toBe(1);
    await vi.waitFor(async () => expect(payloads(await store.outbox.read())).toEqual([2]), PATIENCE);
    await store.outbox.ack(ids(entries));
    expect(await store.outbox.depth()).toBe(0);
  });

  test("ids that are not stored, or come twice, are passed over", async ({ store }) => {
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

  test("ids as another number of shards would give out belong to nothing", async ({ store }) => {
    await fill(store, 1);
    const [entry] = await store.outbox.read();
    const other = `999-${entry?.entryId.split("-").slice(-2).join("-")}`;
    await store.outbox.ack([other]);
    await store.outbox.reject([other], "why");
    await store.outbox.requeue([other]);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("rejected messages are set aside with the reason, and out of depth and oldest", async ({ store, stores }) => {
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

  test("a requeued message is handed out again at once, to be acknowledged or rejected anew", async ({ store }) => {
    await fill(store, 2);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "first");
    await store.outbox.requeue(ids(entries).slice(0, 1));
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.outbox.rejected()).toHaveLength(1);
    const again = await store.outbox.read();
    expect(again).toMatchObject([{ jobId: "a", id: "a.1.0", payload: 0, queue: "reports" }]);
    await store.outbox.reject(ids(again), "second");
    expect((await store.outbox.rejected()).map(({ reason }) => reason).sort()).toEqual(["first", "second"]);
  });

  test("a rejected message can be acknowledged, and is then gone for good", async ({ store }) => {
    await fill(store, 2);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "no such queue");
    await store.outbox.ack(ids(entries).slice(0, 1));
    expect(payloads(await store.outbox.rejected())).toEqual([1]);
    await store.outbox.requeue(ids(entries));
    expect(payloads(await store.outbox.read())).toEqual([1]);
  });

  test("rejecting what was rejected keeps the first reason", async ({ store }) => {
    await fill(store, 1);
    const entries = await store.outbox.read();
    await store.outbox.reject(ids(entries), "first");
    await store.outbox.reject(ids(entries), "second");
    expect((await store.outbox.rejected()).map(({ reason }) => reason)).toEqual(["first"]);
  });

  test("arguments that make no sense are INVALID_ARGUMENT", async ({ store }) => {
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
