import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, createReporter, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, type Status, strictReport } from "../src/lib/contract/definitions.js";
import { openReporter, told } from "./reporter-fixture.js";
import type { Fate } from "./reporter-outage.js";
import { runBuilt } from "./run-built.js";

const newJob = async (store: JobStore<Report>, id?: string) => (await store.create({ title: "One" }, { id })).job;

describe("while the store is available, report", () => {
  test("applies the change immediately, in one call, by id and by snapshot", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    const other = await newJob(store);
    outage.calls.length = 0;
    expect(await reporter.report(job, "working", { by: "worker", note: "took it" })).toBe("stored");
    expect(await reporter.report(other.id, "failed", { error: { message: "no" } })).toBe("stored");
    expect(outage.calls).toEqual(["updateStatus", "updateStatus"]);
    expect(await store.get(job.id)).toMatchObject({ status: "working", version: 2 });
    expect((await store.get(job.id))?.history[1]).toMatchObject({ by: "worker", note: "took it" });
    expect(await store.get(other.id)).toMatchObject({ status: "failed", error: { message: "no" } });
    expect(reporter.pending).toBe(0);
  });

  test("accepts further changes with a snapshot after its own changes of the job", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    expect(await reporter.report(job, "working")).toBe("stored");
    expect(await reporter.report(job, "checking")).toBe("stored");
    expect(await reporter.report(job, "done", { result: { url: "x" } })).toBe("stored");
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 checking, 4 done");
  });

  test("rejects a change with another snapshot of the same version: a replaced worker stays fenced", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    const same = await store.get(job.id);
    expect(await reporter.report(job, "working")).toBe("stored");
    expect(await reporter.report(same ?? job, "working")).toBe("rejected");
    expect(rejected).toMatchObject([{ id: job.id, to: "working", error: { code: "CONFLICT", currentVersion: 2 } }]);
    expect(await store.get(job.id)).toMatchObject({ version: 2 });
  });

  test("keeps the order of changes that the caller did not await", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    const steps: Status[] = ["working", "checking", "working", "working", "done"];
    const answers = await Promise.all(steps.map((to) => reporter.report(job, to)));
    expect(answers).toEqual(steps.map(() => "stored"));
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 checking, 4 working, 5 working, 6 done");
  });

  test("resolves to rejected if the store rejects the change, and onRejected receives the reason", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    expect(await reporter.report(job, "done")).toBe("rejected");
    expect(await reporter.report("unknown", "working")).toBe("rejected");
    expect(rejected.map(({ id, to, error }) => [id, to, error.code])).toEqual([
      [job.id, "done", "ILLEGAL_TRANSITION"],
      ["unknown", "working", "NOT_FOUND"],
    ]);
  });

  test("resolves to stored for a duplicate delivery, and keeps the first write", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    await store.updateStatus(job.id, "failed", { error: { message: "first" } });
    expect(await reporter.report(job.id, "failed", { error: { message: "second" } })).toBe("stored");
    expect(await store.get(job.id)).toMatchObject({ version: 2, error: { message: "first" } });
  });

  test("resolves to stored if the change was applied and only other data of the job cannot be read", async () => {
    const { store, outage } = openReporter();
    const strict = createJobStore({ job: strictReport, driver: outage.driver });
    const reporter = createReporter(strict);
    const { job } = await store.create({ title: "Too long for it" });
    const snapshot = job as unknown as Job<typeof strictReport>;
    expect(await reporter.report(snapshot, "working")).toBe("stored");
    expect(await reporter.report(snapshot, "checking")).toBe("stored");
    outage.begin();
    expect(await reporter.report(snapshot, "working")).toBe("pending");
    expect(await reporter.report(job.id, "done")).toBe("pending");
    outage.end();
    await reporter.flush();
    await reporter.close();
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 checking, 4 working, 5 done");
  });

  test("uses the values at the time of the call, even if the caller alters them later", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    const error = { message: "as reported" };
    outage.begin();
    const answer = reporter.report(job, "failed", { error });
    error.message = "altered";
    expect(await answer).toBe("pending");
    outage.end();
    await reporter.flush();
    expect((await store.get(job.id))?.error).toEqual({ message: "as reported" });
  });
});

describe("input that the store rejects before any I/O", () => {
  test("is rejected by report with the same message, whether or not the store is available", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    const wrong: readonly (readonly [target: unknown, to: string, change: object, code: string])[] = [
      ["no id!", "working", {}, "INVALID_ARGUMENT"],
      [{ ...job, version: 0 }, "working", {}, "INVALID_ARGUMENT"],
      [{ ...job, createdAt: "today" }, "working", {}, "INVALID_ARGUMENT"],
      [null, "working", {}, "INVALID_ARGUMENT"],
      [job, "finished", {}, "INVALID_ARGUMENT"],
      [job, "__proto__", {}, "INVALID_ARGUMENT"],
      [job, "done", { result: { url: 1 } }, "INVALID_DATA"],
      [job, "working", { progress: { done: -1 } }, "INVALID_DATA"],
      [job, "failed", { error: "broken" }, "INVALID_ARGUMENT"],
      [job, "working", { by: 1 }, "INVALID_ARGUMENT"],
      [job, "working", { outbox: [{ queue: "" }] }, "INVALID_ARGUMENT"],
      [job, "working", { outbox: [{ queue: "q", payload: 1n }] }, "INVALID_DATA"],
    ];
    for (const away of [false, true]) {
      if (away) outage.begin();
      for (const [target, to, change, code] of wrong) {
        const refusal = await reporter.report(target as string, to as Status, change).catch((error: unknown) => error);
        expect(refusal).toMatchObject({ code });
        if (!away) {
          const same = await store
            .updateStatus(target as string, to as Status, change)
            .catch((error: unknown) => error);
          expect((refusal as Error).message).toBe((same as Error).message);
        }
      }
      expect(() => reporter.progress("no id!", { done: 1 })).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
      expect(() => reporter.progress(job, { done: -1 })).toThrow(expect.objectContaining({ code: "INVALID_DATA" }));
    }
    expect(reporter.pending).toBe(0);
    expect(rejected).toEqual([]);
  });

  test("is rejected by createReporter and flush", async () => {
    const { store, reporter } = openReporter();
    for (const options of [{ maxPending: -1 }, { maxPending: 1.5 }, { maxPending: "many" }]) {
      expect(() => createReporter(store, options as object)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
    expect(() => createReporter(undefined as unknown as typeof store)).toThrow(/requires a store/);
    await expect(reporter.flush({ timeoutMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("while the store is unavailable, report", () => {
  test("resolves to pending, and everything is applied in order when the store is available again", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    const outbox = [{ queue: "translate", payload: { id: job.id }, headers: { traceparent: "00-1" } }];
    const steps = [
      [job, "working", { by: "w1" }],
      [job, "checking", { progress: { done: 5 } }],
      [job, "done", { result: { url: "x" }, outbox }],
    ] as const;
    for (const [target, to, change] of steps) expect(await reporter.report(target, to, change)).toBe("pending");
    expect(reporter.pending).toBe(3);
    outage.end();
    await reporter.flush();
    expect(reporter.pending).toBe(0);
    const stored = await store.get(job.id);
    expect(stored).toMatchObject({ status: "done", version: 4, progress: { done: 5 }, result: { url: "x" } });
    expect(told(stored)).toBe("1 waiting, 2 working, 3 checking, 4 done");
    const [message, ...more] = await store.outbox.read();
    expect(message).toMatchObject({ queue: "translate", payload: { id: job.id }, headers: { traceparent: "00-1" } });
    expect(more).toEqual([]);
    expect(rejected).toEqual([]);
  });

  test("resolves immediately, without a call to the store, if the previous call failed", async () => {
    const { reporter, outage } = openReporter();
    outage.begin();
    await reporter.report("a", "working");
    outage.calls.length = 0;
    expect(await reporter.report("b", "working")).toBe("pending");
    expect(outage.calls).toEqual([]);
  });

  test("calls the store only for a few of the changes", async () => {
    const { store, reporter, outage } = openReporter();
    const jobs = await Promise.all(Array.from({ length: 500 }, (_, n) => newJob(store, `job-${n}`)));
    outage.begin();
    await reporter.report("unknown", "working");
    outage.calls.length = 0;
    const answers = await Promise.all(jobs.map((job) => reporter.report(job, "failed")));
    expect(new Set(answers)).toEqual(new Set(["pending"]));
    expect(outage.calls.length).toBeLessThan(100);
    outage.end();
    await reporter.flush();
    expect(await store.counts()).toMatchObject({ failed: 500 });
  });

  test("increases the pause between calls, up to a second", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { reporter, outage } = openReporter();
    outage.begin();
    await reporter.report("a", "working");
    outage.calls.length = 0;
    await vi.advanceTimersByTimeAsync(20_000);
    // About 20 pauses of 0.5 to 1 seconds, after a few shorter ones.
    expect(outage.calls.length).toBeGreaterThan(20);
    expect(outage.calls.length).toBeLessThan(50);
  });

  test("does not wait for the replay of other jobs when the store is available again", async () => {
    const { store, reporter, outage } = openReporter();
    for (let n = 0; n < 300; n++) await newJob(store, `job-${n}`);
    await newJob(store, "other");
    outage.begin();
    for (let n = 0; n < 300; n++) await reporter.report(`job-${n}`, "working");
    let moves = 0;
    let answer: Promise<string> | undefined;
    let left = 0;
    outage.fate = (verb) => {
      // At this time the store has already replied.
      if (verb === "updateStatus" && ++moves === 40) {
        answer = reporter.report("other", "working").finally(() => {
          left = reporter.pending;
        });
      }
      return "answered";
    };
    await reporter.flush();
    expect(await answer).toBe("stored");
    expect(left).toBeGreaterThan(100);
  });

  test("queues a change behind earlier ones of its job, even if the store is available again", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    expect(await reporter.report(job, "working")).toBe("pending");
    outage.end();
    const later = reporter.report(job, "done");
    await reporter.flush();
    expect(await later).toMatch(/stored|pending/);
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 done");
  });

  test("does not delay one job because of another", async () => {
    const { store, reporter, outage } = openReporter();
    const jobs = await Promise.all(["away", "there"].map((id) => newJob(store, id)));
    // Like a cluster of which one part is unavailable.
    outage.fate = (_, id) => (id === "away" ? "refused" : "answered");
    for (const job of jobs) void reporter.report(job, "working");
    for (const job of jobs) void reporter.report(job, "done");
    await expect.poll(async () => (await store.get("there"))?.status).toBe("done");
    expect(reporter.pending).toBe(2);
    outage.end();
    await reporter.flush();
    expect((await store.get("away"))?.status).toBe("done");
  });

  test("keeps the order of each of many jobs", async () => {
    const { store, reporter, outage } = openReporter();
    const jobs = await Promise.all(Array.from({ length: 100 }, (_, n) => newJob(store, `job-${n}`)));
    const steps: Status[] = ["working", "checking", "working", "done"];
    const answers: Promise<string>[] = [];
    for (const [n, to] of steps.entries()) {
      if (n === 1) outage.begin();
      if (n === 3) outage.end();
      for (const job of jobs) answers.push(reporter.report(job, to));
      await Promise.resolve();
    }
    expect(await Promise.all(answers)).not.toContain("rejected");
    await reporter.flush();
    for (const job of await store.getMany(jobs.map(({ id }) => id))) {
      expect(told(job)).toBe("1 waiting, 2 working, 3 checking, 4 working, 5 done");
    }
  });

  test("answers the callers of one job in order: the change in flight gets the reply of the store", async () => {
    const { store, reporter, outage } = openReporter({ maxPending: 0 });
    const job = await newJob(store);
    let reply: (fate: Fate) => void = () => {};
    outage.fate = (_, id) => (id === job.id ? new Promise<Fate>((resolve) => (reply = resolve)) : "refused");
    const first = reporter.report(job, "working");
    expect(await reporter.report("other", "working")).toBe("rejected");
    const second = reporter.report(job, "done");
    outage.end();
    reply("answered");
    expect(await Promise.all([first, second])).toEqual(["stored", "stored"]);
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 done");
  });

  test("resolves to rejected above maxPending, with the reason", async () => {
    const { store, reporter, outage, rejected } = openReporter({ maxPending: 2 });
    const job = await newJob(store);
    outage.begin();
    expect(await reporter.report(job, "working")).toBe("pending");
    expect(await reporter.report("b", "working")).toBe("pending");
    expect(await reporter.report(job, "done")).toBe("rejected");
    expect(reporter.pending).toBe(2);
    expect(rejected).toMatchObject([{ id: job.id, to: "done", error: { code: "UNAVAILABLE", indeterminate: false } }]);
    expect(rejected[0]?.error.message).toContain("maxPending");
    outage.end();
    await reporter.flush();
    expect(await reporter.report(job, "done")).toBe("stored");
  });

  test("calls the store again after a pause, even if no change was accepted during the pause", async () => {
    const { store, reporter, outage } = openReporter({ maxPending: 0 });
    const job = await newJob(store);
    outage.begin();
    expect(await reporter.report(job, "working")).toBe("rejected");
    outage.end();
    await expect.poll(() => reporter.report(job.id, "failed")).toBe("stored");
  });

  test("makes one call per change again after the replay", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    outage.end();
    await reporter.flush();
    outage.calls.length = 0;
    expect(await reporter.report(job, "done")).toBe("stored");
    expect(outage.calls).toEqual(["updateStatus"]);
  });
});

describe("a change that is rejected during replay", () => {
  test("is passed to onRejected, and later changes of the same job are still applied", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    for (const to of ["checking", "working", "waiting", "done"] as const) {
      expect(await reporter.report(job.id, to)).toBe("pending");
    }
    expect(await reporter.report("unknown", "working")).toBe("pending");
    outage.end();
    await reporter.flush();
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 done");
    expect(rejected.filter(({ id }) => id === job.id)).toMatchObject([
      { to: "checking", error: { code: "ILLEGAL_TRANSITION", from: "waiting" } },
      { to: "waiting", error: { code: "ILLEGAL_TRANSITION", from: "working" } },
    ]);
    expect(rejected.filter(({ id }) => id === "unknown")).toMatchObject([{ error: { code: "NOT_FOUND" } }]);
  });

  test("by snapshot, all changes are rejected if another worker has taken over the job", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    await reporter.report(job, "done");
    outage.end();
    await store.updateStatus(job.id, "working", { by: "successor" });
    await reporter.flush();
    expect(rejected.map(({ to, error }) => [to, error.code])).toEqual([
      ["working", "CONFLICT"],
      ["done", "CONFLICT"],
    ]);
    expect(await store.get(job.id)).toMatchObject({ status: "working", version: 2 });
  });

  test("by snapshot, the next change is checked on its own if the first was not a conflict", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "done");
    await reporter.report(job, "working");
    outage.end();
    await reporter.flush();
    expect(rejected.map(({ to, error }) => [to, error.code])).toEqual([["done", "ILLEGAL_TRANSITION"]]);
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working");
  });

  test("by snapshot, a job that was deleted and created again is another job", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store, "a");
    outage.begin();
    await reporter.report(job, "working");
    outage.end();
    await store.delete("a");
    await store.save({ ...job, createdAt: new Date(job.createdAt.getTime() + 1) });
    await reporter.flush();
    expect(rejected).toMatchObject([{ error: { code: "CONFLICT" } }]);
    expect(await store.get("a")).toMatchObject({ status: "waiting" });
  });

  test("does not break the reporter if onRejected throws or returns a promise that rejects", async () => {
    const onRejected = vi.fn(async () => {
      throw new Error("from onRejected");
    });
    onRejected.mockImplementationOnce(() => {
      throw new Error("from onRejected, at once");
    });
    const { store, reporter, outage } = openReporter({ onRejected });
    const job = await newJob(store);
    outage.begin();
    for (const to of ["done", "checking", "working"] as const) await reporter.report(job, to);
    outage.end();
    await reporter.flush();
    expect(onRejected).toHaveBeenCalledTimes(2);
    expect((await store.get(job.id))?.status).toBe("working");
  });
});

test("onRejected can report another change, in order after the rejected one", async () => {
  const outcome: string[] = [];
  const { store, reporter, outage } = openReporter({
    maxPending: 1,
    onRejected: ({ id, to, error }) => {
      outcome.push(`${to}: ${error.code}`);
      if (to !== "failed") void reporter.report(id, "failed").then((answer) => outcome.push(answer));
    },
  });
  const job = await newJob(store);
  outage.begin();
  expect(await reporter.report(job, "working")).toBe("pending");
  expect(await reporter.report(job, "checking")).toBe("rejected");
  await expect.poll(() => outcome).toEqual(["checking: UNAVAILABLE", "failed: UNAVAILABLE", "rejected"]);
  outage.end();
  await reporter.flush();
  expect(await reporter.report(job, "waiting")).toBe("rejected");
  await reporter.flush();
  expect(outcome.slice(3)).toEqual(["waiting: ILLEGAL_TRANSITION", "stored"]);
  expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 failed");
});

describe("progress", () => {
  test("is stored, by id and by snapshot, after the changes reported before it", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    void reporter.report(job, "working");
    reporter.progress(job, { done: 1 });
    await reporter.flush();
    expect(await store.get(job.id)).toMatchObject({ status: "working", version: 2, progress: { done: 1 } });
    reporter.progress(job.id, { done: 2 });
    await reporter.flush();
    expect((await store.get(job.id))?.progress).toEqual({ done: 2 });
  });

  test("waits while the store is unavailable, only the latest of a job, and is not counted in pending", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    for (let done = 0; done < 50; done++) reporter.progress(job, { done });
    expect(reporter.pending).toBe(1);
    outage.calls.length = 0;
    outage.end();
    await reporter.flush();
    expect(outage.calls.filter((verb) => verb === "updateProgress")).toHaveLength(1);
    expect((await store.get(job.id))?.progress).toEqual({ done: 49 });
  });

  test("that could not be stored is replaced by later progress", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.fate = () => {
      outage.end();
      reporter.progress(job, { done: 2 });
      return "refused";
    };
    reporter.progress(job, { done: 1 });
    await reporter.flush();
    expect((await store.get(job.id))?.progress).toEqual({ done: 2 });
  });

  test("that could not be stored is dropped if a status change follows", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.fate = () => {
      outage.end();
      void reporter.report(job.id, "working");
      return "refused";
    };
    reporter.progress(job.id, { done: 1 });
    await reporter.flush();
    expect(await store.get(job.id)).toMatchObject({ status: "working", progress: null });
  });

  test("that waits is dropped if a status change follows", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    reporter.progress(job, { done: 1 });
    await reporter.report(job, "done");
    outage.end();
    await reporter.flush();
    expect(await store.get(job.id)).toMatchObject({ status: "done", progress: null });
    expect(outage.calls).not.toContain("updateProgress");
  });

  test("that the store rejects is dropped, without a call of onRejected", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    await store.updateStatus(job.id, "failed");
    reporter.progress(job.id, { done: 1 });
    reporter.progress("unknown", { done: 1 });
    await reporter.flush();
    expect(rejected).toEqual([]);
    expect((await store.get(job.id))?.progress).toBeNull();
  });

  test("is not kept for more than maxPending jobs", async () => {
    const { store, reporter, outage } = openReporter({ maxPending: 10 });
    for (let n = 0; n < 20; n++) await newJob(store, `job-${n}`);
    outage.begin();
    await reporter.report("job-0", "working");
    for (let n = 0; n < 20; n++) reporter.progress(`job-${n}`, { done: 1 });
    outage.end();
    await reporter.flush();
    const kept = (await store.list()).items.filter(({ progress }) => progress !== null);
    expect(kept).toHaveLength(10);
  });
});

describe("flush", () => {
  test("fails with TIMEOUT while something waits, which continues to wait", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    await reporter.flush({ timeoutMs: 0 });
    outage.begin();
    await reporter.report(job, "working");
    await expect(reporter.flush({ timeoutMs: 20 })).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect(reporter.flush({ timeoutMs: 0 })).rejects.toMatchObject({ code: "TIMEOUT" });
    outage.end();
    await reporter.flush();
    expect((await store.get(job.id))?.status).toBe("working");
  });

  test("keeps the process alive until it resolves or rejects; pending changes do not", async () => {
    const code = (last: string) => `
      import { createJobStore, createReporter, defineJob } from "@subtitles/job-store";
      import { redisDriver } from "@subtitles/job-store/redis";
      import * as z from "zod";
      const statuses = { todo: { next: ["done"] }, done: { next: [] } };
      const job = defineJob({ name: "errand", data: z.null(), initial: "todo", statuses });
      const driver = redisDriver({ url: "redis://127.0.0.1:1", timeoutMs: 100 });
      const store = createJobStore({ job, driver });
      const reporter = createReporter(store);
      console.log(await reporter.report("a", "done"));
      await store.close();
      ${last}
    `;
    const idle = await runBuilt(code(""));
    expect(idle).toMatchObject({ code: 0, output: "pending\n" });
    const flushing = await runBuilt(
      code("console.log(await reporter.flush({ timeoutMs: 300 }).catch(({ code }) => code));"),
    );
    expect(flushing).toMatchObject({ code: 0, output: "pending\nTIMEOUT\n" });
  });
});

describe("close", () => {
  test("waits for all changes while the store is available", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    const answers = (["working", "checking", "done"] as const).map((to) => reporter.report(job, to));
    reporter.progress(job.id, { done: 1 });
    await reporter.close();
    expect(await Promise.all(answers)).toEqual(["stored", "stored", "stored"]);
    expect((await store.get(job.id))?.status).toBe("done");
  });

  test("does not wait for an unavailable store: pending changes are passed to onRejected", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    await reporter.report(job, "done");
    reporter.progress(job, { done: 1 });
    const flushed = reporter.flush();
    await reporter.close();
    await flushed;
    expect(rejected.map(({ to, error }) => [to, error.code, error.indeterminate])).toEqual([
      ["working", "UNAVAILABLE", false],
      ["done", "UNAVAILABLE", false],
    ]);
    expect(reporter.pending).toBe(0);
    outage.end();
    outage.calls.length = 0;
    expect(await store.get(job.id)).toEqual(job);
    expect(outage.calls).toEqual(["read"]);
  });

  test("waits for a call in flight to an unavailable store, and starts no other", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    let fail: (error: Error) => void = () => {};
    const updateStatus = vi.spyOn(store, "updateStatus").mockImplementation(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    const answers = [reporter.report(job, "working"), reporter.report(job, "done")];
    const closing = reporter.close();
    fail(new JobStoreError("UNAVAILABLE", "The connection was lost.", { indeterminate: true }));
    await closing;
    expect(await Promise.all(answers)).toEqual(["pending", "pending"]);
    expect(updateStatus).toHaveBeenCalledTimes(1);
    expect(rejected.map(({ to, error }) => [to, error.indeterminate])).toEqual([
      ["working", true],
      ["done", false],
    ]);
  });

  test("waits for every call in flight, even after one of them has failed", async () => {
    const { store, reporter } = openReporter();
    const fail: ((error: Error) => void)[] = [];
    vi.spyOn(store, "updateStatus").mockImplementation(() => new Promise((_, reject) => fail.push(reject)));
    const answers = ["a", "b"].map((id) => reporter.report(id, "working"));
    let closed = false;
    const closing = reporter.close().then(() => {
      closed = true;
    });
    fail[0]?.(new JobStoreError("UNAVAILABLE", "The connection was lost.", { indeterminate: false }));
    expect(await answers[0]).toBe("pending");
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(closed).toBe(false);
    fail[1]?.(new JobStoreError("NOT_FOUND", "There is no such job."));
    await closing;
    expect(await answers[1]).toBe("rejected");
  });

  test("passes every change to onRejected if the store becomes unavailable during close", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    const answers = [reporter.report(job, "working"), reporter.report(job, "done")];
    await reporter.close();
    expect(await answers[0]).toMatch(/pending|rejected/);
    expect(rejected).toHaveLength(2);
  });

  test("makes later reports fail with CLOSED, ignores later progress, and leaves the store open", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    await Promise.all([reporter.close(), reporter.close()]);
    await expect(reporter.report(job, "working")).rejects.toMatchObject({ code: "CLOSED" });
    expect(reporter.progress(job, { done: 1 })).toBeUndefined();
    await reporter.flush();
    expect(await store.get(job.id)).toEqual(job);
  });

  test("is called at the end of an `await using` block", async () => {
    const { store } = openReporter();
    const job = await newJob(store);
    let answer: Promise<string>;
    {
      await using reporter = createReporter(store);
      answer = reporter.report(job, "working");
    }
    expect(await answer).toBe("stored");
  });

  test("treats a store that was closed before its reporter as unavailable", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    await store.close();
    expect(await reporter.report(job, "working")).toBe("pending");
    await reporter.close();
    expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: false } }]);
  });
});
