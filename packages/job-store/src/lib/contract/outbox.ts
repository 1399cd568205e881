import { expect } from "vitest";
import type { OutboxMessage } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, step } from "./definitions.js";
import { expectRefusal, laterThan, view } from "./expectations.js";
import { imported } from "./imported.js";

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
    const entry = { entryId: expect.any(String), jobId: "a", at: expect.any(Date), headers: {} };
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

  test("options given as undefined count as left out", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1, id: undefined, headers: undefined }];
    await store.create({ title: "One" }, { id: "a", outbox });
    expect(
      await store.outbox.read({ limit: undefined, waitMs: undefined, claimMs: undefined, signal: undefined }),
    ).toMatchObject([{ id: "a.1.0", headers: {} }]);
  });

  test("where the change is not made, no message is stored", async ({ store }) => {
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

  test("where a message is refused, the change is not made", async ({ store }) => {
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

  test("one reader sees the messages in the order in which their changes were made", async ({ store, stores }) => {
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

  test("a save stores no message, and a deleted job's messages stay", async ({ store }) => {
    await store.save(imported("a"));
    expect(await store.outbox.depth()).toBe(0);
    await store.updateStatus("a", "done", { outbox: [{ queue: "reports", payload: 1 }] });
    await store.delete("a");
    expect(await store.outbox.read()).toMatchObject([{ id: "a.8.0", jobId: "a" }]);
  });

  test("depth and oldest tell what waits", async ({ store, stores }) => {
    expect(await store.outbox.depth()).toBe(0);
    expect(await store.outbox.oldest()).toBeNull();
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [first] = await store.outbox.read();
    await laterThan(store, first?.at as Date);
    await store.create({ title: "Two" }, { id: "b", outbox: [{ queue: "reports", payload: 2 }] });
    // A claimed message still waits: no one has published it yet.
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
