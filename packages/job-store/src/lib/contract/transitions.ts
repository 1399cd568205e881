import { expect } from "vitest";
import type { Job } from "../../index.js";
import type { Context } from "./context.js";
import { isFinal, jobIn, next, type Report, STATUSES, step } from "./definitions.js";
import { expectRefusal, laterThan, view } from "./expectations.js";

const ADDRESSED = {
  id: (job: Job<Report>) => ({ target: job.id, change: {} }),
  version: (job: Job<Report>) => ({ target: job.id, change: { ifVersion: job.version } }),
  snapshot: (job: Job<Report>) => ({ target: job, change: {} }),
} as const;

/** Every starting status × every target × every way to address the job. */
export function transitions({ test }: Context): void {
  for (const from of STATUSES) {
    for (const to of STATUSES) {
      const legal = next(from).includes(to);
      const outcome = legal ? "moves" : from === to ? "answers unchanged" : "is ILLEGAL_TRANSITION";
      test(`${from} → ${to} ${outcome}, by id, by version and by snapshot`, async ({ store }) => {
        for (const [way, address] of Object.entries(ADDRESSED)) {
          const job = await jobIn(store, from, `by-${way}`);
          const { target, change } = address(job);
          const before = await view(store);
          const call = step(store, target, to, { ...change, outbox: [{ queue: "reports", payload: way }] });
          if (legal) {
            const moved = await call;
            expect(moved).toMatchObject({
              status: to,
              version: job.version + 1,
              attempt: job.attempt + (isFinal(from) ? 1 : 0),
              createdAt: job.createdAt,
            });
            expect(moved.history).toEqual([...job.history, { from, to, at: moved.statusAt, version: job.version + 1 }]);
            expect(await store.get(job.id)).toEqual(moved);
            const after = await view(store);
            expect(after.counts[to]).toBe(before.counts[to] + (from === to ? 0 : 1));
            expect(after.messages).toBe(before.messages + 1);
          } else {
            if (from === to) expect(await call).toEqual(job);
            else await expectRefusal(call, "ILLEGAL_TRANSITION", { jobId: job.id, from, to });
            expect(await view(store)).toEqual(before);
          }
        }
      });
    }

    test(`in ${from}, a version that is not the stored one is CONFLICT whatever the target`, async ({ store }) => {
      const job = await jobIn(store, from, "a");
      const before = await view(store);
      for (const to of STATUSES) {
        for (const version of [job.version + 1, 1000, ...(job.version > 1 ? [job.version - 1] : [])]) {
          const stored = { jobId: "a", currentVersion: job.version };
          await expectRefusal(step(store, "a", to, { ifVersion: version }), "CONFLICT", stored);
          await expectRefusal(step(store, { ...job, version }, to), "CONFLICT", stored);
        }
      }
      expect(await view(store)).toEqual(before);
    });

    test(`in ${from}, a snapshot of an earlier job of the same id is CONFLICT whatever the target`, async ({
      store,
    }) => {
      const stored = await jobIn(store, from, "a");
      const earlier = { ...stored, createdAt: new Date(stored.createdAt.getTime() - 1) };
      const before = await view(store);
      for (const to of STATUSES) {
        await expectRefusal(step(store, earlier, to), "CONFLICT", { jobId: "a", currentVersion: stored.version });
      }
      expect(await view(store)).toEqual(before);
    });
  }

  test("a snapshot does not move the job that was deleted and created anew under its id", async ({ store }) => {
    const { job: first } = await store.create({ title: "First" }, { id: "a" });
    await store.delete("a");
    // Created in the same millisecond, the two could not be told apart.
    await laterThan(store, first.createdAt);
    const { job: second } = await store.create({ title: "Second" }, { id: "a" });
    await expectRefusal(step(store, first, "working"), "CONFLICT", { jobId: "a", currentVersion: 1 });
    await expectRefusal(store.updateProgress(first, { done: 1 }), "CONFLICT", { jobId: "a", currentVersion: 1 });
    await expectRefusal(store.delete(first), "CONFLICT", { jobId: "a", currentVersion: 1 });
    expect(await store.get("a")).toEqual(second);
    expect(await step(store, second, "working")).toMatchObject({ version: 2, data: { title: "Second" } });
  });

  test("the message of a CONFLICT names the expected version and the stored one", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const stored = await step(store, "a", "working");
    const message = expect.stringMatching(/^Job a has version 2, but version 1 was expected\./);
    await expectRefusal(step(store, job, "done"), "CONFLICT", { message });
    await expectRefusal(step(store, "a", "done", { ifVersion: 1 }), "CONFLICT", { message });
    await expectRefusal(store.updateProgress(job, { done: 1 }), "CONFLICT", { message });
    await expectRefusal(store.delete(job), "CONFLICT", { message });
    await expectRefusal(store.save(job), "CONFLICT", { message });
    await expectRefusal(step(store, "a", "done", { ifVersion: 9 }), "CONFLICT", {
      message: expect.stringMatching(/^Job a has version 2, but version 9 was expected\./),
    });
    expect(await store.get("a")).toEqual(stored);
  });

  test("the message of a CONFLICT reports that the job was created again", async ({ store }) => {
    const { job } = await store.create({ title: "First" }, { id: "a" });
    await store.delete("a");
    await laterThan(store, job.createdAt);
    await store.create({ title: "Second" }, { id: "a" });
    const message = expect.stringMatching(/^Job a was deleted and created again since it was read\./);
    await expectRefusal(step(store, job, "working"), "CONFLICT", { message });
  });

  test("snapshots follow on from each other", async ({ store }) => {
    const { job } = await store.create({ title: "One" });
    const working = await store.updateStatus(job as Job<Report, "waiting">, "working");
    const checking = await store.updateStatus(working, "checking");
    const done = await store.updateStatus(checking, "done", { result: { url: "x" } });
    expect(done.version).toBe(4);
    await expectRefusal(store.updateStatus(working, "failed"), "CONFLICT", { currentVersion: 4 });
  });
}
