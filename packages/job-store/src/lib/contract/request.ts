import { expect } from "vitest";
import { defineJob, type JobEvent } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, report, STATUSES, step } from "./definitions.js";
import { expectRefusal, manyIds, view } from "./expectations.js";
import { claim, claimed, received, take } from "./requests.js";

const message = { queue: "reports", payload: { n: 1 } };

export function request({ test }: Context): void {
  test("a job that does not exist is created, as create does", async ({ store, stores }) => {
    const options = { by: "web", outbox: [message, { ...message, delayMs: 3_600_000 }] };
    const { outcome, job } = await store.request({ title: "One", label: "red" }, { id: "a", ...options });
    const { job: created } = await store.create({ title: "One", label: "red" }, { id: "b", ...options });
    expect(outcome).toBe("created");
    const { createdAt, updatedAt, statusAt, history, ...values } = created;
    expect(job).toMatchObject({ ...values, id: "a", history: [{ from: null, to: "waiting", version: 1, by: "web" }] });
    expect([job.updatedAt, job.statusAt, job.history[0]?.at]).toEqual(Array(3).fill(job.createdAt));
    expect(await stores.openApart().get("a")).toEqual(job);
    expect((await take(store)).map(({ id }) => id).toSorted()).toEqual(["a.1.0", "b.1.0"]);
    expect(await store.outbox.scheduled()).toBe(2);
    expect(await store.counts({ where: { label: "red" } })).toMatchObject({ waiting: 2 });
    expect((await store.list({ order: "oldest" })).items.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("a job in one of the statuses is retried, as updateStatus does, and keeps its data", async ({
    store,
    stores,
  }) => {
    await store.create({ title: "First", label: "red" }, { id: "a" });
    const failed = await store.updateStatus("a", "failed", { error: { message: "no" }, progress: { done: 1 } });
    const given = { id: "a", retryFrom: ["failed" as const], by: "web", outbox: [message] };
    const { outcome, job } = await stores.openApart().request({ title: "Second", label: "blue" }, given);
    expect(outcome).toBe("retried");
    expect(job).toEqual({
      ...failed,
      ...{ status: "waiting", version: 3, attempt: 2, progress: null, error: null, expiresAt: null },
      ...{ updatedAt: job.statusAt, statusAt: expect.any(Date) },
      history: [...failed.history, { from: "failed", to: "waiting", at: job.statusAt, version: 3, by: "web" }],
    });
    expect(await store.get("a")).toEqual(job);
    expect((await take(store)).map(({ id }) => id)).toEqual(["a.3.0"]);
    expect(await store.counts({ where: { label: "red" } })).toMatchObject({ waiting: 1, failed: 0 });
    expect(await store.counts({ where: { label: "blue" } })).toMatchObject({ waiting: 0 });
    expect(await store.request({ title: "Third" }, given)).toEqual({ outcome: "exists", job });
  });

  for (const status of STATUSES) {
    test(`a job in ${status} that is not to be retried is returned, and nothing is written`, async ({ store }) => {
      const stored = await jobIn(store, status, "a");
      const before = await view(store);
      const retryFrom = status === "failed" ? [] : (["failed"] as const);
      for (const options of [{ retryFrom }, {}]) {
        const answer = await store.request({ title: "Again" }, { id: "a", outbox: [message], ...options });
        expect(answer).toEqual({ outcome: "exists", job: stored });
      }
      expect(await view(store)).toEqual(before);
    });
  }

  test("the messages of the initial status are stored for a new and for a retried job", async ({ stores }) => {
    const statuses = {
      ...report.statuses,
      waiting: {
        ...report.statuses.waiting,
        sends: [{ queue: "new" }, { queue: "labels", ifField: "label" as const }],
      },
    };
    const store = stores.openFor(defineJob({ ...report, statuses }));
    const retryFrom = ["failed"] as const;
    await store.request({ title: "One", label: "red" }, { id: "a", retryFrom, outbox: [message] });
    await store.updateStatus("a", "failed");
    await store.request({ title: "One" }, { id: "a", retryFrom, outbox: [message] });
    const entries = await store.outbox.read();
    expect(entries.map(({ queue, id }) => [queue, id])).toEqual([
      ["reports", "a.1.0"],
      ["new", "a.1.1"],
      ["labels", "a.1.2"],
      ["reports", "a.3.0"],
      ["new", "a.3.1"],
      ["labels", "a.3.2"],
    ]);
    expect(entries[5]?.payload).toEqual({ jobId: "a", status: "waiting", fields: { label: "red" } });
  });

  test("both outcomes are events", async ({ store }) => {
    const events: JobEvent<Report>[] = [];
    for await (const event of store.watch("a")) {
      events.push(event);
      if (event.type === "snapshot") {
        await store.request({ title: "One" }, { id: "a", by: "web" });
        await step(store, "a", "failed");
        await store.request({ title: "One" }, { id: "a", by: "web", retryFrom: ["failed"] });
      }
      if (events.length === 4) break;
    }
    expect(events.slice(1)).toMatchObject([
      { type: "created", from: null, to: "waiting", version: 1, by: "web" },
      { type: "status", from: "waiting", to: "failed", version: 2 },
      { type: "status", from: "failed", to: "waiting", version: 3, by: "web" },
    ]);
  });

  test("a retried job begins a new run: earlier messages are outdated, and its own message claims it", async ({
    store,
  }) => {
    await store.request({ title: "One" }, { id: "a", outbox: [message] });
    const [first] = (await take(store)).map(received);
    const { job } = await claimed(store, "a", first);
    await store.updateStatus(job, "failed", { handled: true });
    await store.request({ title: "One" }, { id: "a", retryFrom: ["failed"], outbox: [message] });
    const [second] = (await take(store)).map(received);
    expect(await claim(store, "a", first)).toEqual({ kind: "outdated" });
    expect((await claimed(store, "a", second)).job).toMatchObject({ attempt: 2, version: 5 });
  });

  test("a deleted job is created again, later than before", async ({ store }) => {
    const { job } = await store.request({ title: "One" }, { id: "a" });
    await store.delete("a");
    const again = await store.request({ title: "Two" }, { id: "a" });
    expect(again).toMatchObject({ outcome: "created", job: { version: 1, data: { title: "Two" } } });
    expect(again.job.createdAt.getTime()).toBeGreaterThan(job.createdAt.getTime());
  });

  test("of concurrent requests one creates each job, and one retries it", async ({ store, stores }) => {
    const services = [store, stores.open(), stores.openApart(), stores.openApart()];
    const ids = manyIds(30);
    const all = (retryFrom: readonly "failed"[]) =>
      Promise.all(
        ids.flatMap((id) => services.map((one) => one.request({ title: id }, { id, retryFrom, outbox: [message] }))),
      );
    const outcomes = async (retryFrom: readonly "failed"[]) =>
      (await all(retryFrom)).map(({ outcome }) => outcome).toSorted();
    const existing = Array(90).fill("exists");
    expect(await outcomes([])).toEqual([...Array(30).fill("created"), ...existing]);
    await Promise.all(ids.map((id) => store.updateStatus(id, "failed")));
    expect(await outcomes(["failed"])).toEqual([...existing, ...Array(30).fill("retried")]);
    expect(await store.counts()).toMatchObject({ waiting: 30, failed: 0 });
    expect(await store.outbox.depth()).toBe(60);
  });

  test("data that is invalid, too large or unreadable is an error, and nothing is written", async ({
    stores,
    underTest,
  }) => {
    const store = stores.open({ maxRecordBytes: 2048 });
    const large = { title: "x".repeat(3000) };
    await expectRefusal(store.request({ title: "" }, { id: "a" }), "INVALID_DATA", { jobId: "a" });
    await expectRefusal(store.request(large, { id: "a", outbox: [message] }), "INVALID_DATA", { jobId: "a" });
    expect([await store.get("a"), await store.outbox.depth()]).toEqual([null, 0]);
    if (underTest.corrupt === undefined) return;
    await store.create({ title: "One" }, { id: "a" });
    await underTest.corrupt("a");
    await expectRefusal(store.request({ title: "Two" }, { id: "a" }), "UNREADABLE_RECORD", { jobId: "a" });
  });
}
