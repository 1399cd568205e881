import type { JobStore } from "@subtitles/job-store";
import { expect } from "vitest";
import { z } from "zod";
import { defineQueue, message } from "../../src/index.js";
import { type Case, type Films, films, LEASE_MS, renderings, requestOf, type World } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
/** Queue whose workers need more than a job id. */
const strict = defineQueue({ name: renderings.name, payload: z.object({ jobId: z.string(), size: z.number() }) });
/** Queue of a program that names no job. */
const loose = defineQueue({ ...renderings, payload: z.object({ film: z.string() }) });

/** Counts the calls of `failRequest`. */
function counted(store: JobStore<Films>) {
  let calls = 0;
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "failRequest") calls++;
      return value.bind(target);
    },
  });
  return { store: proxy, examined: () => calls };
}

const dead = async (world: World) => (await world.broker.stats(renderings)).dead;

export function examinedLetters(test: Case): void {
  test("a dead letter of an earlier run is kept, and a worker examines it once", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending");
    const { store, examined } = counted(world.store);
    world.start({ store, recoverEveryMs: 5_000 });
    await world.until(() => examined() === 1, 6_000);
    await world.pass(60_000);
    expect(examined()).toBe(1);
    expect(await dead(world)).toBe(1);
    expect(await world.status("a")).toBe("pending");
  });

  test("a dead letter without an origin, or without a job, is kept without a call to the store", async (world) => {
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a");
    await world.deadLetterByBroker();
    const { store, examined } = counted(world.store);
    const worker = world.start({ store, recoverEveryMs: 5_000 });
    await world.pass(20_000);
    expect(examined()).toBe(0);
    expect(worker.eventTypes()).toEqual([]);
    expect(await dead(world)).toBe(1);
  });

  test("a dead letter that arrives while a newer message of its queue waits fails nothing, and is discarded", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    await world.store.updateStatus("a", "rendering");
    await world.store.updateStatus("a", "waiting", { outbox: [{ ...requestOf("a"), delayMs: 60_000 }] });
    const worker = world.start({ recoverEveryMs: 5_000 });
    await world.until(async () => (await dead(world)) === 0, 15_000);
    expect(await world.status("a")).toBe("waiting");
    await world.until(() => worker.runs.length === 1, 61_000);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["recovered", "done"]);
  });

  test("a dead letter of a message that became due during a run fails the job only after the run", async (world) => {
    const outbox = [requestOf("a"), { ...requestOf("a"), delayMs: 2_000 }];
    const worker = world.start({ recoverEveryMs: 0 });
    await world.store.create({ title: "a" }, { id: "a", outbox });
    await world.until(() => worker.runs.length === 1);
    worker.worker.pause();
    await world.until(async () => (await world.broker.stats(renderings)).ready === 1);
    await world.deadLetterByBroker();
    const search = world.start({ recoverEveryMs: 5_000 });
    await world.pass(20_000);
    expect(await dead(world)).toBe(1);
    worker.run.finish({ to: "waiting" });
    await world.until(() => worker.eventTypes().includes("done"));
    // The job is in `from`, and no worker will get its message any more.
    await world.until(() => search.eventTypes().includes("recovered"), 6_000);
    expect(await world.status("a")).toBe("failed");
    expect(await dead(world)).toBe(0);
    expect([...worker.eventTypes(), ...search.eventTypes()]).toEqual(["done", "recovered"]);
  });

  test("a dead letter is discarded later, if the worker dies after it has failed the job", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    const [letter] = await world.broker.deadLetters(renderings);
    // The step of a worker that dies before it discards the letter.
    await world.store.failRequest("a", "failed", {
      from: ["pending"],
      working: "rendering",
      message: {
        queue: renderings.name,
        id: letter?.id ?? "",
        ...(letter?.origin !== undefined && { origin: letter.origin }),
      },
      error: { message: "dead-lettered", code: "DEAD_LETTERED" },
    });
    const { version } = (await world.store.get("a")) ?? {};
    const worker = world.start({ recoverEveryMs: 5_000 });
    await world.until(() => worker.eventTypes().includes("recovered"), 15_000);
    expect(worker.eventTypes()).toEqual(["recovered"]);
    expect(await dead(world)).toBe(0);
    expect(await world.store.get("a")).toMatchObject({ status: "failed", version });
  });

  test("several workers that search at the same time fail a job once", async (world) => {
    for (const id of ["a", "b", "c"]) {
      await world.request(id);
      await world.deadLetterByBroker();
    }
    const workers = Array.from({ length: 10 }, () => world.start({ recoverEveryMs: 1_000 }));
    const recovered = () => workers.flatMap(({ events }) => events).filter(({ type }) => type === "recovered");
    await world.until(() => recovered().length === 3, 15_000);
    const events = workers.flatMap((worker) => worker.events.filter(({ type }) => type !== "started"));
    expect(await dead(world)).toBe(0);
    expect(events.map(({ type, jobId }) => [type, jobId]).toSorted()).toEqual(
      ["a", "b", "c"].map((id) => ["recovered", id]),
    );
    for (const id of ["a", "b", "c"]) {
      expect(await world.store.get(id)).toMatchObject({ status: "failed", version: 3 });
    }
  });

  test("a message whose job cannot be read is dead-lettered at once with the reason, and is not sent again", async (world) => {
    const { shape } = films.data;
    const job = { ...films, data: films.data.extend({ title: shape.title.min(2) }) };
    const worker = world.start({ store: world.open({ job }) });
    await world.request("a");
    await world.until(async () => (await dead(world)) === 1, 1_000);
    const [letter] = await world.broker.deadLetters(renderings);
    expect(letter?.reason).toContain("title");
    expect(worker.events).toMatchObject([{ type: "error", jobId: "a", error: { code: "UNREADABLE_RECORD" } }]);
    await world.pass(2 * LEASE_MS);
    expect(await dead(world)).toBe(1);
    expect(await world.store.get("a")).toMatchObject({ status: "rendering", leasedUntil: null });
    await worker.crash();
    // After the mistake in the schema is corrected, the letter continues the job.
    const corrected = world.start();
    await world.broker.redrive(renderings);
    await world.until(() => corrected.runs.length === 1);
    corrected.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("an unreadable message of a child does not fail the child, and one of an earlier run fails nothing", async (world) => {
    // The message of the child names its parent.
    await world.store.create({ title: "parent" }, { id: "parent" });
    await world.store.create({ title: "child" }, { id: "child", outbox: [message(renderings, { jobId: "parent" })] });
    await world.request("a");
    await world.pass(100);
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending");
    world.start({ queue: strict });
    await world.until(async () => (await dead(world)) === 2);
    await world.pass(LEASE_MS);
    for (const id of ["parent", "child", "a"]) expect(await world.status(id)).toBe("pending");
  });

  test("an unreadable message without a job id in its JSON is kept, and no job is changed", async (world) => {
    const { store, examined } = counted(world.store);
    world.start({ queue: strict, store });
    await store.create({ title: "a" }, { id: "a" });
    await world.broker.publish(loose, { film: "a" });
    await world.until(async () => (await dead(world)) === 1);
    expect(examined()).toBe(0);
    expect(await world.status("a")).toBe("pending");
  });
}
