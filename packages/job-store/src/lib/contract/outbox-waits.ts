import { expect } from "vitest";
import type { JobStore, OutboxEntry } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";

/** Far longer than any of these tests may last: what waits that long was not woken. */
const LONG = 60_000;

const send = (store: JobStore<Report>, payload: number) =>
  store.create({ title: "One" }, { outbox: [{ queue: "reports", payload }] });

const payloads = (entries: readonly OutboxEntry[]) => entries.map(({ payload }) => payload);

/** Begins to wait, and lets other calls of the same store pass, so that the wait is under way. */
async function waiting(store: JobStore<Report>, options: Parameters<JobStore<Report>["outbox"]["read"]>[0] = {}) {
  const read = store.outbox.read({ waitMs: LONG, ...options });
  for (let call = 0; call < 5; call++) await store.counts();
  return { read };
}

export function outboxWaits({ test }: Context): void {
  test("without waitMs, an empty outbox answers at once", async ({ store }) => {
    expect(await store.outbox.read()).toEqual([]);
  });

  test("with waitMs, it answers with none when the time has passed, and not before", async ({ store }) => {
    const begun = performance.now();
    expect(await store.outbox.read({ waitMs: 120 })).toEqual([]);
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  test("what is stored already is not waited for", async ({ store }) => {
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

  test("a status change's message wakes it as well", async ({ store }) => {
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

  test("a claim that lapses wakes the reader", async ({ store, stores }) => {
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

  test("of several that wait, each message wakes one", async ({ store, stores }) => {
    const readers = await Promise.all(
      [store, store, stores.openApart(), stores.openApart()].map((one) => waiting(one, { limit: 1 })),
    );
    for (let message = 0; message < 4; message++) await send(store, message);
    const seen = await Promise.all(readers.map(({ read }) => read));
    expect(seen.flatMap(payloads).toSorted()).toEqual([0, 1, 2, 3]);
  });

  test("the store's other calls go on while a reader waits", async ({ store }) => {
    const end = new AbortController();
    const { read } = await waiting(store, { signal: end.signal });
    const { job } = await store.create({ title: "One" });
    await store.updateStatus(job.id, "working");
    expect((await store.list()).items).toHaveLength(1);
    expect((await store.health()).status).not.toBe("unhealthy");
    end.abort();
    expect(await read).toEqual([]);
  });

  test("a signal ends the wait with none, before it and during it, and leaves no claim behind", async ({ store }) => {
    expect(await store.outbox.read({ waitMs: LONG, signal: AbortSignal.abort() })).toEqual([]);
    const end = new AbortController();
    const { read } = await waiting(store, { signal: end.signal });
    end.abort();
    expect(await read).toEqual([]);
    await send(store, 5);
    expect(payloads(await store.outbox.read())).toEqual([5]);
  });

  test("an aborted signal claims nothing, though messages are there", async ({ store }) => {
    await send(store, 6);
    expect(await store.outbox.read({ signal: AbortSignal.abort() })).toEqual([]);
    expect(payloads(await store.outbox.read())).toEqual([6]);
  });

  test("closing the store ends the wait with none, and closes without waiting for its time", async ({
    store,
    stores,
  }) => {
    const { read } = await waiting(store);
    await store.close();
    expect(await read).toEqual([]);
    const other = stores.open();
    await send(other, 8);
    expect(payloads(await other.outbox.read())).toEqual([8]);
  });
}
