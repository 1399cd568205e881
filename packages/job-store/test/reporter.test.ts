import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, createReporter, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, type Status, strictReport } from "../src/lib/contract/definitions.js";
import { openReporter, told } from "./reporter-fixture.js";
import { runBuilt } from "./run-built.js";

const newJob = async (store: JobStore<Report>, id?: string) => (await store.create({ title: "One" }, { id })).job;

describe("while the store is there, report", () => {
  test("makes the change at once, in one call, by id and by snapshot", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    const other = await newJob(store);
    outage.calls.length = 0;
    expect(await reporter.report(job, "working", { by: "worker", note: "took it" })).toBe("stored");
    expect(await reporter.report(other.id, "failed", { error: { message: "no" } })).toBe("stored");
    expect(outage.calls).toEqual(["move", "move"]);
    expect(await store.get(job.id)).toMatchObject({ status: "working", version: 2 });
    expect((await store.get(job.id))?.history[1]).toMatchObject({ by: "worker", note: "took it" });
    expect(await store.get(other.id)).toMatchObject({ status: "failed", error: { message: "no" } });
    expect(reporter.pending).toBe(0);
  });

  test("follows on from a snapshot that it has moved itself", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    expect(await reporter.report(job, "working")).toBe("stored");
    expect(await reporter.report(job, "checking")).toBe("stored");
    expect(await reporter.report(job, "done", { result: { url: "x" } })).toBe("stored");
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 checking, 4 done");
  });

  test("does not take one snapshot's progress for another's: a worker that was replaced stays fenced", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    const same = await store.get(job.id);
    expect(await reporter.report(job, "working")).toBe("stored");
    expect(await reporter.report(same ?? job, "working")).toBe("rejected");
    expect(rejected).toMatchObject([{ id: job.id, to: "working", error: { code: "CONFLICT", currentVersion: 2 } }]);
    expect(await store.get(job.id)).toMatchObject({ version: 2 });
  });

  test("keeps the order of changes that nobody waited for", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    const steps: Status[] = ["working", "checking", "working", "working", "done"];
    const answers = await Promise.all(steps.map((to) => reporter.report(job, to)));
    expect(answers).toEqual(steps.map(() => "stored"));
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 checking, 4 working, 5 working, 6 done");
  });

  test("tells at once, and onRejected why, when a guard refuses", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    expect(await reporter.report(job, "done")).toBe("rejected");
    expect(await reporter.report("nobody", "working")).toBe("rejected");
    expect(rejected.map(({ id, to, error }) => [id, to, error.code])).toEqual([
      [job.id, "done", "ILLEGAL_TRANSITION"],
      ["nobody", "working", "NOT_FOUND"],
    ]);
  });

  test("counts a duplicate delivery as stored: the first write stands", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    await store.updateStatus(job.id, "failed", { error: { message: "first" } });
    expect(await reporter.report(job.id, "failed", { error: { message: "second" } })).toBe("stored");
    expect(await store.get(job.id)).toMatchObject({ version: 2, error: { message: "first" } });
  });

  test("counts a change as stored where only what else the job holds cannot be read", async () => {
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

  test("knows what it was given, whatever the caller does to it afterwards", async () => {
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

describe("input that the store would refuse before any I/O", () => {
  test("is refused by report in the same words, whether or not the store is there", async () => {
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

  test("is refused by createReporter and flush", async () => {
    const { store, reporter } = openReporter();
    for (const options of [{ maxPending: -1 }, { maxPending: 1.5 }, { journalPath: "" }, { journalPath: 1 }]) {
      expect(() => createReporter(store, options as object)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
    expect(() => createReporter(undefined as unknown as typeof store)).toThrow(/needs a store/);
    await expect(reporter.flush({ timeoutMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("while the store is away, report", () => {
  test("answers pending, and everything is made when it returns, in order", async () => {
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

  test("answers at once, without asking a store that is known to be away", async () => {
    const { reporter, outage } = openReporter();
    outage.begin();
    await reporter.report("a", "working");
    outage.calls.length = 0;
    expect(await reporter.report("b", "working")).toBe("pending");
    expect(outage.calls).toEqual([]);
  });

  test("asks the store no more for every change, only now and then", async () => {
    const { store, reporter, outage } = openReporter();
    const jobs = await Promise.all(Array.from({ length: 500 }, (_, n) => newJob(store, `job-${n}`)));
    outage.begin();
    await reporter.report("nobody", "working");
    outage.calls.length = 0;
    const answers = await Promise.all(jobs.map((job) => reporter.report(job, "failed")));
    expect(new Set(answers)).toEqual(new Set(["pending"]));
    expect(outage.calls.length).toBeLessThan(100);
    outage.end();
    await reporter.flush();
    expect(await store.counts()).toMatchObject({ failed: 500 });
  });

  test("leaves it alone for longer and longer, up to a second", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { reporter, outage } = openReporter();
    outage.begin();
    await reporter.report("a", "working");
    outage.calls.length = 0;
    await vi.advanceTimersByTimeAsync(20_000);
    // Twenty pauses of a second, or up to half as long by jitter, after a few shorter ones.
    expect(outage.calls.length).toBeGreaterThan(20);
    expect(outage.calls.length).toBeLessThan(50);
  });

  test("lets a change with a caller waiting take its turn while many are replayed", async () => {
    const { store, reporter, outage } = openReporter();
    for (let n = 0; n < 300; n++) await newJob(store, `job-${n}`);
    await newJob(store, "other");
    outage.begin();
    for (let n = 0; n < 300; n++) await reporter.report(`job-${n}`, "working");
    let moves = 0;
    let answer: Promise<string> | undefined;
    let left = 0;
    outage.fate = (verb) => {
      // By now the store has been heard of.
      if (verb === "move" && ++moves === 40) {
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

  test("queues behind what waits already, even where the store has just returned", async () => {
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

  test("holds no job up for another", async () => {
    const { store, reporter, outage } = openReporter();
    const jobs = await Promise.all(["away", "there"].map((id) => newJob(store, id)));
    // As on a cluster of which a part is away.
    outage.fate = (_, id) => (id === "away" ? "refused" : "answered");
    for (const job of jobs) void reporter.report(job, "working");
    for (const job of jobs) void reporter.report(job, "done");
    await expect.poll(async () => (await store.get("there"))?.status).toBe("done");
    expect(reporter.pending).toBe(2);
    outage.end();
    await reporter.flush();
    expect((await store.get("away"))?.status).toBe("done");
  });

  test("lets many jobs race, each in its order", async () => {
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

  test("holds no more than maxPending, and says so", async () => {
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

  test("goes on as before when it returns", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    outage.end();
    await reporter.flush();
    outage.calls.length = 0;
    expect(await reporter.report(job, "done")).toBe("stored");
    expect(outage.calls).toEqual(["move"]);
  });
});

describe("what a guard refuses on replay", () => {
  test("is handed to onRejected, and later changes of the same job still follow", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    for (const to of ["checking", "working", "waiting", "done"] as const) {
      expect(await reporter.report(job.id, to)).toBe("pending");
    }
    expect(await reporter.report("nobody", "working")).toBe("pending");
    outage.end();
    await reporter.flush();
    expect(told(await store.get(job.id))).toBe("1 waiting, 2 working, 3 done");
    expect(rejected.filter(({ id }) => id === job.id)).toMatchObject([
      { to: "checking", error: { code: "ILLEGAL_TRANSITION", from: "waiting" } },
      { to: "waiting", error: { code: "ILLEGAL_TRANSITION", from: "working" } },
    ]);
    expect(rejected.filter(({ id }) => id === "nobody")).toMatchObject([{ error: { code: "NOT_FOUND" } }]);
  });

  test("by snapshot, all of it is refused once another has taken the job over", async () => {
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

  test("by snapshot, the second is judged by itself where the first was no conflict", async () => {
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

  test("by snapshot, a job that was deleted and made anew is another one", async () => {
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

  test("cannot break the reporter by what onRejected throws or rejects", async () => {
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

describe("progress", () => {
  test("is recorded, by id and by snapshot, after the changes reported before it", async () => {
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

  test("waits while the store is away, the latest of a job only, and counts for nothing in pending", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    for (let done = 0; done < 50; done++) reporter.progress(job, { done });
    expect(reporter.pending).toBe(1);
    outage.calls.length = 0;
    outage.end();
    await reporter.flush();
    expect(outage.calls.filter((verb) => verb === "recordProgress")).toHaveLength(1);
    expect((await store.get(job.id))?.progress).toEqual({ done: 49 });
  });

  test("that could not be recorded makes way for a later one", async () => {
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

  test("that could not be recorded makes way for a status change", async () => {
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

  test("is dropped once a status change follows it", async () => {
    const { store, reporter, outage } = openReporter();
    const job = await newJob(store);
    outage.begin();
    await reporter.report(job, "working");
    reporter.progress(job, { done: 1 });
    await reporter.report(job, "done");
    outage.end();
    await reporter.flush();
    expect(await store.get(job.id)).toMatchObject({ status: "done", progress: null });
    expect(outage.calls).not.toContain("recordProgress");
  });

  test("is dropped without a word where the store refuses it", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    await store.updateStatus(job.id, "failed");
    reporter.progress(job.id, { done: 1 });
    reporter.progress("nobody", { done: 1 });
    await reporter.flush();
    expect(rejected).toEqual([]);
    expect((await store.get(job.id))?.progress).toBeNull();
  });

  test("of more jobs than maxPending is not kept", async () => {
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
  test("is TIMEOUT while something waits, and lets it wait on", async () => {
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

  test("keeps the process alive until it is done; what waits by itself does not", async () => {
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
  test("waits for what is under way, and for the rest while the store takes it", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    const answers = (["working", "checking", "done"] as const).map((to) => reporter.report(job, to));
    reporter.progress(job.id, { done: 1 });
    await reporter.close();
    expect(await Promise.all(answers)).toEqual(["stored", "stored", "stored"]);
    expect((await store.get(job.id))?.status).toBe("done");
  });

  test("does not wait for a store that is away: without a journal, what waits is handed to onRejected", async () => {
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

  test("waits for a call that is under way to an absent store, and begins no other", async () => {
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
    fail(new JobStoreError("UNAVAILABLE", "Gone.", { indeterminate: true }));
    await closing;
    expect(await Promise.all(answers)).toEqual(["pending", "pending"]);
    expect(updateStatus).toHaveBeenCalledTimes(1);
    expect(rejected.map(({ to, error }) => [to, error.indeterminate])).toEqual([
      ["working", true],
      ["done", false],
    ]);
  });

  test("waits for every call that is under way, also after one has told that the store is away", async () => {
    const { store, reporter } = openReporter();
    const fail: ((error: Error) => void)[] = [];
    vi.spyOn(store, "updateStatus").mockImplementation(() => new Promise((_, reject) => fail.push(reject)));
    const answers = ["a", "b"].map((id) => reporter.report(id, "working"));
    let closed = false;
    const closing = reporter.close().then(() => {
      closed = true;
    });
    fail[0]?.(new JobStoreError("UNAVAILABLE", "Gone.", { indeterminate: false }));
    expect(await answers[0]).toBe("pending");
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(closed).toBe(false);
    fail[1]?.(new JobStoreError("NOT_FOUND", "Not there."));
    await closing;
    expect(await answers[1]).toBe("rejected");
  });

  test("hands everything over, answered or not, when the store goes away meanwhile", async () => {
    const { store, reporter, outage, rejected } = openReporter();
    const job = await newJob(store);
    outage.begin();
    const answers = [reporter.report(job, "working"), reporter.report(job, "done")];
    await reporter.close();
    expect(await answers[0]).toMatch(/pending|rejected/);
    expect(rejected).toHaveLength(2);
  });

  test("once and for all: later reports are CLOSED, later progress is nothing, the store stays open", async () => {
    const { store, reporter } = openReporter();
    const job = await newJob(store);
    await Promise.all([reporter.close(), reporter.close()]);
    await expect(reporter.report(job, "working")).rejects.toMatchObject({ code: "CLOSED" });
    expect(reporter.progress(job, { done: 1 })).toBeUndefined();
    await reporter.flush();
    expect(await store.get(job.id)).toEqual(job);
  });

  test("comes by itself at the end of an `await using`", async () => {
    const { store } = openReporter();
    const job = await newJob(store);
    let answer: Promise<string>;
    {
      await using reporter = createReporter(store);
      answer = reporter.report(job, "working");
    }
    expect(await answer).toBe("stored");
  });

  test("a store that was closed before its reporter counts as away", async () => {
    const { store, reporter, rejected } = openReporter();
    const job = await newJob(store);
    await store.close();
    expect(await reporter.report(job, "working")).toBe("pending");
    await reporter.close();
    expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: false } }]);
  });
});
