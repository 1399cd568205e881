import { expect, onTestFinished, test } from "vitest";
import { createJobStore, JobStoreError, type StoreEvent } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { sending } from "../src/lib/contract/sends.js";
import { memoryDriver } from "../src/memory.js";

function setUp() {
  const driver = memoryDriver();
  const events: StoreEvent[] = [];
  const store = createJobStore({ job: report, driver, onEvent: (event) => events.push(event) });
  onTestFinished(() => store.close());
  return { driver, faults: driver.faults, store, events };
}

/** Returns the outcome of a call: "answered", "not done" or "perhaps done". */
async function fate(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(() => null).catch((reason: unknown) => reason);
  if (error === null) return "answered";
  if (!JobStoreError.is(error, "UNAVAILABLE")) throw error;
  return error.indeterminate === true ? "perhaps done" : "not done";
}

test("while the driver is unavailable, every call fails without a change", async () => {
  const { driver, faults, store } = setUp();
  const { job } = await store.create({ title: "One" }, { id: "a" });
  const metadata = await driver.readMetadata();
  faults.goAway();
  const calls = [
    () => driver.readMetadata(),
    () => store.create({ title: "Two" }, { id: "b" }),
    () => store.save(job),
    () => store.get("a"),
    () => store.updateStatus("a", "working"),
    () => store.updateProgress("a", { done: 1 }),
    () => store.delete("a"),
    () => store.list(),
    () => store.counts(),
    () => store.audit(),
    () => store.waitFor("a", { until: ["waiting"] }),
    () => store.outbox.read(),
    () => store.outbox.depth(),
  ];
  for (const call of calls) expect(await fate(call()), String(call)).toBe("not done");
  expect((await store.createMany([{ data: { title: "Two" } }])).map(({ status }) => status)).toEqual(["rejected"]);
  faults.comeBack();
  expect(await driver.readMetadata()).toEqual(metadata);
  expect(await store.get("a")).toEqual(job);
  expect(await store.counts()).toMatchObject({ waiting: 1 });
});

test("health and onEvent of every store of the driver report the outage and its end", async () => {
  const { driver, faults, store, events } = setUp();
  const closed: StoreEvent[] = [];
  await createJobStore({ job: report, driver, onEvent: (event) => closed.push(event) }).close();
  faults.goAway();
  faults.goAway();
  expect(await store.health()).toMatchObject({ status: "unhealthy", latencyMs: null, error: /away/ });
  faults.comeBack();
  faults.comeBack();
  expect(await store.health()).toMatchObject({ status: "healthy" });
  expect(events.map(({ type }) => type)).toEqual(["disconnected", "connected"]);
  expect(closed).toEqual([]);
});

test("a watch continues after an outage without a missed event", async () => {
  const { faults, store } = setUp();
  await store.create({ title: "One" }, { id: "a" });
  const seen: string[] = [];
  const watching = (async () => {
    for await (const event of store.watch("a")) seen.push(event.type === "status" ? event.to : event.type);
  })();
  await expect.poll(() => seen).toEqual(["snapshot"]);
  faults.goAway();
  faults.comeBack();
  await store.updateStatus("a", "working");
  await expect.poll(() => seen).toEqual(["snapshot", "working"]);
  await store.close();
  await watching;
});

test("a change with a lost reply is applied; the requested number counts only calls that change a job", async () => {
  const { faults, store } = setUp();
  const create = () => store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: "a" }] });
  faults.loseReplies(5);
  expect(await fate(create())).toBe("perhaps done");
  expect(await create()).toMatchObject({ created: false, job: { version: 1 } });
  expect(await store.outbox.depth()).toBe(1);

  const work = () => store.updateStatus("a", "working", { ifVersion: 1 });
  expect(await fate(work())).toBe("perhaps done");
  await expect(work()).rejects.toMatchObject({ code: "CONFLICT", currentVersion: 2 });
  expect(await fate(store.updateProgress("a", { done: 1 }))).toBe("perhaps done");
  const stored = await store.get("a");
  expect(stored).toMatchObject({ status: "working", version: 2, progress: { done: 1 } });
  if (stored !== null) expect(await fate(store.save(stored))).toBe("perhaps done");
  expect(await store.get("a")).toMatchObject({ version: 3 });
  expect(await fate(store.delete("a"))).toBe("perhaps done");
  expect(await store.delete("a")).toBe(false);
  expect(await fate(create())).toBe("answered");
});

test("a call whose reply was lost and that is repeated sends the messages of the status once", async () => {
  const driver = memoryDriver();
  const store = createJobStore({ job: sending, driver });
  driver.faults.loseReplies(2);
  const calls = [
    () => store.create({ title: "One" }, { id: "a" }),
    () => store.updateStatus("a", "working", { key: "k", ifVersion: 1 }),
  ];
  for (const call of calls) {
    expect(await fate(call())).toBe("perhaps done");
    await call().catch((error: unknown) => expect(error).toMatchObject({ code: "CONFLICT" }));
  }
  expect((await store.outbox.read()).map(({ id }) => id)).toEqual(["a.1.0", "a.2.0"]);
});

test.each([0, -1, 1.5, Number.NaN])("a count of %s is INVALID_ARGUMENT", (count) => {
  expect(() => setUp().faults.loseReplies(count)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});
