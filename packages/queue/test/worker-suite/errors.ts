import { runInNewContext } from "node:vm";
import { type Job, JobStoreError } from "@subtitles/job-store";
import { expect } from "vitest";
import { QueueError } from "../../src/index.js";
import { JobFailed, RetryLater } from "../../src/worker.js";
import { type Case, type Films, renderings, requestOf } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
const YEAR_AND_TWO_DAYS_MS = 367 * 24 * 3_600_000;

export function errors(test: Case): void {
  test("an error is retried after the delays of the queue, and after the last one the job fails", async (world) => {
    const worker = await world.startRunning();
    for (const [attempt, delayMs] of [1_000, 5_000].entries()) {
      worker.run.fail(new Error(`problem ${attempt}`));
      await world.settled();
      const job = await world.store.get("a");
      expect(job).toMatchObject({
        status: "rendering",
        history: expect.arrayContaining([expect.objectContaining({ note: `problem ${attempt}` })]),
      });
      await world.pass(delayMs - 100);
      expect(worker.runs).toHaveLength(attempt + 1);
      await world.until(() => worker.runs.length === attempt + 2, 1_500);
      expect(worker.run.context).toMatchObject({ attempt: attempt + 2, lastAttempt: attempt === 1 });
    }
    worker.run.fail(new Error("problem 2"));
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({
      status: "failed",
      error: { code: "RETRIES_EXHAUSTED", message: "problem 2", retryable: true },
    });
    expect(worker.eventTypes()).toEqual(["retrying", "retrying", "failed"]);
    expect(worker.events.at(-1)).toMatchObject({ to: "failed", jobId: "a", attempt: 3, error: new Error("problem 2") });
  });

  for (const code of ["CONFLICT", "NOT_FOUND", "ILLEGAL_TRANSITION"] as const) {
    test(`an error ${code} about another job is a failed attempt`, async (world) => {
      const worker = await world.startRunning();
      worker.run.fail(new JobStoreError(code, "The other job was changed.", { jobId: "b" }));
      await world.settled();
      expect(worker.eventTypes()).toEqual(["retrying"]);
    });
  }

  test("UNAVAILABLE during an outage of the store uses no attempt, and the work runs again", async (world) => {
    const worker = await world.startRunning();
    world.storeFaults.goAway();
    await world.pass(5 * 60_000);
    worker.run.fail(new JobStoreError("UNAVAILABLE", "The store is unavailable."));
    await world.pass(1_000);
    expect(worker.worker.state).toBe("waiting");
    world.storeFaults.comeBack();
    await world.until(() => worker.runs.length === 2, 10_000);
    expect(worker.run.context).toMatchObject({ attempt: 1 });
    worker.run.finish(DONE);
    await world.until(() => worker.worker.state === "running", 1_000);
    await world.settled();
    expect(worker.eventTypes().toSorted()).toEqual(["available", "done", "unavailable"]);
  });

  test("UNAVAILABLE during an outage of the broker uses no attempt, and the work runs again", async (world) => {
    const worker = await world.startRunning();
    world.brokerFaults.goAway();
    await world.pass(1_000);
    worker.run.fail(new QueueError("TIMEOUT", "The broker did not reply."));
    await world.pass(60_000);
    expect(worker.runs).toHaveLength(1);
    expect(worker.worker.state).toBe("waiting");
    world.brokerFaults.comeBack();
    await world.until(() => worker.runs.length === 2, 10_000);
    expect(worker.run.context).toMatchObject({ attempt: 1 });
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("UNAVAILABLE of another server is a failed attempt", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new JobStoreError("UNAVAILABLE", "Another store is unavailable."));
    await world.settled();
    expect(worker.eventTypes()).toEqual(["retrying"]);
  });

  test("RetryLater between errors uses no attempt", async (world) => {
    const worker = await world.startRunning();
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(worker.run.context.attempt).toBe(attempt);
      worker.run.fail(new RetryLater("The provider is busy.", { afterMs: 2_000 }));
      await world.until(() => worker.runs.length === 2 * attempt, 4_000);
      expect(worker.run.context.attempt).toBe(attempt);
      await world.publish("a");
      worker.run.fail(new Error("broken"));
      if (attempt < 3) await world.until(() => worker.runs.length === 2 * attempt + 1, 7_000);
    }
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "failed", error: { code: "RETRIES_EXHAUSTED" } });
  });

  test("RetryLater in the last attempt postpones, by one second at least", async (world) => {
    const worker = await world.startRunning({ queue: { ...renderings, retryDelaysMs: [] } });
    expect(worker.run.context.lastAttempt).toBe(true);
    const delays = [{ afterMs: 0 }, { afterMs: -5 }, { at: new Date(0) }];
    for (const [index, delay] of delays.entries()) {
      worker.run.fail(new RetryLater("The provider is busy.", delay));
      await world.settled();
      await world.pass(900);
      expect(worker.runs).toHaveLength(index + 1);
      await world.until(() => worker.runs.length === index + 2, 1_200);
    }
    expect(worker.events.filter(({ type }) => type === "postponed")).toHaveLength(3);
  });

  test("RetryLater by more than 366 days is refused, and the attempt fails", async (world) => {
    expect(() => new RetryLater("Later.", { afterMs: YEAR_AND_TWO_DAYS_MS })).toThrowError("at most 366 days");
    const run = async () => {
      throw new RetryLater("Later.", { at: new Date(Date.now() + YEAR_AND_TWO_DAYS_MS) });
    };
    const worker = world.start({ run });
    await world.request("a");
    await world.until(() => worker.eventTypes().length === 1);
    expect(worker.events.at(-1)).toMatchObject({ type: "retrying", error: { code: "INVALID_ARGUMENT" } });
  });

  test("a cancelled and retried job runs once, and nothing of the old run arrives later", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new RetryLater("The provider is busy.", { afterMs: 10_000 }));
    await world.settled();
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending", { outbox: [{ queue: renderings.name, payload: { jobId: "a" } }] });
    await world.until(() => worker.runs.length === 2);
    expect(worker.run.job.attempt).toBe(2);
    worker.run.finish({ to: "waiting" });
    await world.pass(20_000);
    expect(worker.runs).toHaveLength(2);
  });

  const refused: readonly (readonly [string, unknown])[] = [
    ["a result that the schema refuses", { to: "done", result: { url: 5 } }],
    ["a status that does not follow", { to: "nowhere" }],
    ["the working status", { to: "rendering" }],
    ["no status", {}],
    ["nothing", undefined],
    ["an option that does not exist", { to: "done", reslut: null }],
    ["a record that is too large", { to: "done", result: { url: "x".repeat(5_000_000) } }],
  ];
  for (const [name, outcome] of refused) {
    test(`an outcome with ${name} fails the job at once`, async (world) => {
      const worker = await world.startRunning();
      worker.run.finishWith(outcome);
      await world.settled();
      expect(await world.store.get("a")).toMatchObject({
        status: "failed",
        error: { code: "INVALID_OUTCOME", retryable: false },
      });
      expect(worker.runs).toHaveLength(1);
      expect(worker.eventTypes()).toEqual(["failed"]);
    });
  }

  test("an outcome for which a record at its limit has no room fails the job at once", async (world) => {
    const store = world.open({ maxRecordBytes: 2_048 });
    const outbox = [requestOf("a")];
    let length = 2_048;
    const create = () => store.create({ title: "x".repeat(length) }, { id: "a", outbox }).catch(() => null);
    while ((await create()) === null && length > 0) length--;
    const worker = world.start({ store });
    await world.until(() => worker.runs.length === 1);
    worker.run.finish(DONE);
    await world.settled();
    expect(await store.get("a")).toMatchObject({
      status: "failed",
      error: { code: "INVALID_OUTCOME", message: expect.stringContaining("too large"), retryable: false },
    });
    expect(worker.eventTypes()).toEqual(["failed"]);
  });

  test("JobFailed fails the job without retries", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new JobFailed("No such film.", { code: "NO_FILM", retryable: true, note: "asked twice" }));
    await world.settled();
    const job: Job<Films> | null = await world.store.get("a");
    expect(job).toMatchObject({
      status: "failed",
      error: { code: "NO_FILM", message: "No such film.", retryable: true },
    });
    expect(job?.history.at(-1)).toMatchObject({ note: "asked twice" });
  });

  test("JobFailed and RetryLater of another realm and of another copy of the package are recognized", async (world) => {
    const foreign: unknown = runInNewContext(
      `const failed = new Error("No such film.");
       Object.defineProperty(failed, Symbol.for("@subtitles/queue/job-failed"), { value: true });
       failed`,
    );
    const copy = Object.assign(new Error("Later."), { at: new Date(Date.now() + 2_000) });
    Object.defineProperty(copy, Symbol.for("@subtitles/queue/retry-later"), { value: true });
    expect([JobFailed.is(foreign), JobFailed.is(copy), RetryLater.is(foreign), RetryLater.is(copy)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    const worker = await world.startRunning();
    worker.run.fail(copy);
    await world.until(() => worker.runs.length === 2, 5_000);
    worker.run.fail(foreign);
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "failed", error: { message: "No such film." } });
  });

  const values: readonly (readonly [string, () => unknown, string])[] = [
    ["undefined", () => undefined, "The work threw a value that is not an error."],
    ["a frozen object", () => Object.freeze({ code: 5 }), "The work threw a value that is not an error."],
    ["a frozen error", () => Object.freeze(new Error("frozen")), "frozen"],
    [
      "an error whose message cannot be read",
      () =>
        Object.defineProperty(new Error(), "message", {
          get: () => {
            throw new Error("no");
          },
        }),
      "The work threw an error whose message cannot be read.",
    ],
    [
      "a system error",
      () => Object.assign(new Error("open '/secret'"), { code: "ENOENT", syscall: "open" }),
      "ENOENT (system call open)",
    ],
    [
      "an error of fetch",
      () => {
        const refused = Object.assign(new Error("connect 10.0.0.5:443"), { code: "ECONNREFUSED", syscall: "connect" });
        return new TypeError("fetch failed", { cause: refused });
      },
      "fetch failed: ECONNREFUSED (system call connect)",
    ],
    [
      "an error whose second cause has a code",
      () =>
        new Error("no page", { cause: new Error("closed", { cause: Object.assign(new Error(), { code: "E_TLS" }) }) }),
      "no page: E_TLS",
    ],
    [
      "an error that is its own cause",
      () => {
        const error = new Error("circle");
        error.cause = error;
        return error;
      },
      "circle",
    ],
    ["an error with a long message", () => new Error("x".repeat(400)), `${"x".repeat(299)}…`],
  ];
  for (const [name, createValue, text] of values) {
    test(`a run that throws ${name} is a failed attempt`, async (world) => {
      const worker = await world.startRunning({ queue: { ...renderings, retryDelaysMs: [] } });
      worker.run.fail(createValue());
      await world.settled();
      expect(await world.store.get("a")).toMatchObject({ status: "failed", error: { message: text } });
    });
  }

  test("a run that throws synchronously, or rejects after an abort, causes no unhandled rejection", async (world) => {
    let calls = 0;
    const worker = world.start({
      run: () => {
        calls++;
        throw new Error("synchronous");
      },
    });
    await world.request("a");
    await world.until(async () => (await world.status("a")) === "failed", 20_000);
    await world.settled();
    expect(calls).toBe(3);
    expect(worker.eventTypes()).toEqual(["retrying", "retrying", "failed"]);
  });

  test("a listener that throws or rejects has no effect", async (world) => {
    let events = 0;
    const worker = await world.startRunning({
      onEvent: async () => {
        events++;
        throw new Error("listener");
      },
    });
    worker.run.finish(DONE);
    await world.settled();
    const other = world.start({
      onEvent: () => {
        throw new Error("listener");
      },
    });
    await world.request("b");
    await world.until(() => worker.runs.length + other.runs.length === 2);
    expect(events).toBeGreaterThan(1);
  });

  test("an error of `ready` claims the job, and is a failed attempt", async (world) => {
    let asked = 0;
    const worker = world.start({
      ready: async () => {
        asked++;
        throw new Error("not now");
      },
    });
    await world.request("a");
    await world.until(() => worker.runs.length === 1, 5_000);
    expect(worker.eventTypes()).toEqual(["retrying"]);
    expect(worker.run.context.attempt).toBe(2);
    expect(asked).toBe(1);
  });

  test("an answer of `ready` counts only for the version that it saw", async (world) => {
    const seen: number[] = [];
    const worker = world.start({
      ready: async (job) => {
        seen.push(job.version);
        if (job.version === 1) {
          await world.store.updateStatus("a", "rendering");
          await world.store.updateStatus("a", "waiting");
          return true;
        }
        return false;
      },
    });
    await world.request("a");
    await world.settled();
    expect(seen).toEqual([1, 3]);
    expect(worker.runs).toHaveLength(0);
    expect(worker.events).toMatchObject([{ type: "skipped", reason: "not ready" }]);
    expect(await world.status("a")).toBe("waiting");
  });

  test("lost replies of a claim, an outcome, a failed attempt and a postponement change nothing", async (world) => {
    const worker = world.start();
    await world.store.create({ title: "a" }, { id: "a" });
    world.storeFaults.loseReplies();
    await world.publish("a");
    await world.until(() => worker.runs.length === 1);
    world.storeFaults.loseReplies();
    worker.run.fail(new Error("broken"));
    await world.until(() => worker.runs.length === 2, 5_000);
    expect(worker.run.context.attempt).toBe(2);
    world.storeFaults.loseReplies();
    worker.run.fail(new RetryLater("Later.", { afterMs: 2_000 }));
    await world.until(() => worker.runs.length === 3, 5_000);
    expect(worker.run.context.attempt).toBe(2);
    world.storeFaults.loseReplies();
    worker.run.finish({ to: "encoding", outbox: [{ queue: renderings.name, payload: { jobId: "b" } }] });
    await world.settled();
    const types = worker.eventTypes().filter((type) => type !== "unavailable" && type !== "available");
    expect(types).toEqual(["retrying", "postponed", "done", "skipped"]);
    expect((await world.store.get("a"))?.version).toBe(7);
  });

  test("an outcome is kept while the store is unavailable, and the work is not repeated", async (world) => {
    const worker = await world.startRunning({ concurrency: 2, prefetch: 8 });
    for (const id of ["b", "c", "d"]) await world.request(id);
    await world.until(() => worker.runs.length === 2);
    world.storeFaults.goAway();
    for (const run of worker.runs) run.finish(DONE);
    await world.pass(35 * 60_000);
    expect(worker.runs).toHaveLength(2);
    world.storeFaults.comeBack();
    await world.until(() => worker.runs.length === 4);
    for (const run of worker.runs) run.finish(DONE);
    await world.settled();
    for (const id of ["a", "b", "c", "d"])
      expect(await world.store.get(id)).toMatchObject({ status: "done", attempt: 1 });
    expect(worker.runs).toHaveLength(4);
  });

  test("the next job is claimed while an outcome is being stored, and runs only when it is stored", async (world) => {
    let store: () => void = () => {};
    const stored = new Promise<void>((resolve) => {
      store = resolve;
    });
    const slow = new Proxy(world.store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "updateStatus") return value.bind(target);
        return async (...args: unknown[]) => {
          await stored;
          return Reflect.apply(value, target, args);
        };
      },
    });
    const worker = await world.startRunning({ store: slow, concurrency: 2, prefetch: 8 });
    for (const id of ["b", "c", "d"]) await world.request(id);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(DONE);
    await world.until(async () => (await world.status("c")) === "rendering");
    await world.pass(60_000);
    expect(worker.runs).toHaveLength(2);
    store();
    await world.until(() => worker.runs.length === 3);
    for (const run of worker.runs) run.finish(DONE);
    await world.until(() => worker.runs.length === 4);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["done", "done", "done", "done"]);
  });
}
