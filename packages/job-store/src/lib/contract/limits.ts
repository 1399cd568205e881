import { expect } from "vitest";
import type { Context } from "./context.js";
import { imported, jobIn } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";

const FITS = "x".repeat(6_000);
const TOO_MUCH = "x".repeat(10_001);
/** Text of 6,000 characters and 12,000 bytes. */
const TOO_MANY_BYTES = "é".repeat(6_000);

export function limits({ test }: Context): void {
  for (const [says, body] of [
    ["characters", TOO_MUCH],
    ["bytes", TOO_MANY_BYTES],
  ] as const) {
    test(`a record of more ${says} than maxRecordBytes is INVALID_DATA for every write`, async ({ stores }) => {
      const store = stores.open({ maxRecordBytes: 10_000 });
      await jobIn(store, "working", "a");
      const before = await view(store);
      const outbox = [{ queue: "reports", payload: {} }];
      const calls = [
        () => store.create({ title: "One", body }, { id: "a-new-one", outbox }),
        () => store.updateStatus("a", "done", { result: { url: "x", body }, outbox }),
        () => store.updateStatus("a", "done", { progress: { done: 1, body }, outbox }),
        () => store.updateStatus("a", "done", { error: { message: body }, outbox }),
        () => store.updateStatus("a", "done", { note: body, outbox }),
        () => store.updateProgress("a", { done: 1, body }),
        () => store.save(imported("a-new-one", { data: { title: "One", body } })),
      ];
      for (const call of calls) {
        const error = await expectRefusal(call(), "INVALID_DATA");
        expect(error.issues).toEqual([{ path: [], message: expect.stringContaining("bytes") }]);
      }
      expect(await view(store)).toEqual(before);
    });
  }

  test("a record up to the limit is written, also if all of its values together reach the limit", async ({
    stores,
  }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    const { job } = await store.create({ title: "One", body: FITS }, { id: "a" });
    expect(job.data.body).toBe(FITS);
    await store.updateProgress("a", { done: 1, body: "x".repeat(3_000) });
    await expectRefusal(store.updateStatus("a", "working", { result: { url: FITS } }), "INVALID_DATA", { jobId: "a" });
    expect(
      await store.updateStatus("a", "working", { result: { url: FITS }, progress: null }).catch(() => null),
    ).toBeNull();
    const working = await store.updateStatus("a", "working", { result: { url: "x".repeat(3_000) }, progress: null });
    expect(working).toMatchObject({ version: 2, data: { body: FITS }, progress: null });
  });

  test("an outbox message does not count as part of the record", async ({ stores }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: TOO_MUCH }] });
    expect((await store.outbox.read())[0]?.payload).toBe(TOO_MUCH);
  });

  test("a record that exceeds the limit can still be read, and changed if it becomes smaller", async ({
    store,
    stores,
  }) => {
    const strict = stores.openApart({ maxRecordBytes: 10_000 });
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "failed", { result: { url: TOO_MUCH } });
    expect((await strict.get("a"))?.result?.url).toBe(TOO_MUCH);
    expect((await strict.list({ status: "failed" })).items).toHaveLength(1);
    expect(await strict.updateStatus("a", "waiting")).toMatchObject({ result: null, version: 3 });
  });

  test("a limit out of range is INVALID_ARGUMENT", async ({ stores }) => {
    for (const maxRecordBytes of [0, 1023, 1024.5, Number.NaN, 2 ** 30]) {
      await expectRefusal((async () => stores.open({ maxRecordBytes }))(), "INVALID_ARGUMENT");
    }
  });
}
