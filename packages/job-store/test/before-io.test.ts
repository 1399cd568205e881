import { expect, test } from "vitest";
import { createJobStore, type JobStorage, type JobStoreDriver } from "../src/index.js";
import { errand } from "./errand.js";

/** An object whose every method fails the test; `parts` are what it has besides. */
function untouchable<T extends object>(name: string, parts: Partial<T> = {}): T {
  const fail = (call: string | symbol) => () => expect.fail(`${name}.${String(call)} was called`);
  return new Proxy(parts, { get: (_, key) => Reflect.get(parts, key) ?? fail(key) }) as T;
}
const outbox = untouchable<JobStorage["outbox"]>("outbox");
const driver: JobStoreDriver = {
  name: "untouchable",
  open: () => untouchable<JobStorage>("storage", { outbox, logs: [] }),
};
const store = createJobStore({ job: errand, driver });
const job = {
  id: "a",
  status: "todo",
  version: 1,
  attempt: 1,
  data: null,
  progress: null,
  result: null,
  error: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  statusAt: new Date(0),
  expiresAt: null,
  history: [],
} as const;
const first = async (all: AsyncIterable<unknown>) => {
  for await (const one of all) return one;
  return undefined;
};

const refused: readonly (readonly [string, () => Promise<unknown>, "INVALID_ARGUMENT" | "INVALID_DATA"])[] = [
  ["create with a bad id", () => store.create(null, { id: "job:*" }), "INVALID_ARGUMENT"],
  ["create with bad data", () => store.create(7 as never), "INVALID_DATA"],
  ["create with a bad author", () => store.create(null, { by: 7 as never }), "INVALID_ARGUMENT"],
  ["create with a bad message", () => store.create(null, { outbox: [{ queue: "", payload: 1 }] }), "INVALID_ARGUMENT"],
  [
    "create with a payload that is no JSON",
    () => store.create(null, { outbox: [{ queue: "q", payload: 1n }] }),
    "INVALID_DATA",
  ],
  ["save of no job", () => store.save({} as never), "INVALID_ARGUMENT"],
  ["save with bad data", () => store.save({ ...job, data: 7 as never }), "INVALID_DATA"],
  ["get of a bad id", () => store.get("{a}"), "INVALID_ARGUMENT"],
  ["getMany with one bad id", () => store.getMany(["a", "a\n"]), "INVALID_ARGUMENT"],
  ["updateStatus of a bad id", () => store.updateStatus("", "done"), "INVALID_ARGUMENT"],
  ["updateStatus to a bad status", () => store.updateStatus("a", "gone" as never), "INVALID_ARGUMENT"],
  ["updateStatus at a bad version", () => store.updateStatus("a", "done", { ifVersion: 0 }), "INVALID_ARGUMENT"],
  [
    "updateStatus of a bad snapshot",
    () => store.updateStatus({ ...job, version: Number.NaN }, "done"),
    "INVALID_ARGUMENT",
  ],
  ["updateStatus with a bad result", () => store.updateStatus("a", "done", { result: 7 as never }), "INVALID_DATA"],
  ["updateProgress of a bad id", () => store.updateProgress("\0", null), "INVALID_ARGUMENT"],
  ["updateProgress that does not fit", () => store.updateProgress("a", 7 as never), "INVALID_DATA"],
  ["delete of a bad id", () => store.delete("*"), "INVALID_ARGUMENT"],
  ["deleteMany with one bad id", () => store.deleteMany(["a", "*"]), "INVALID_ARGUMENT"],
  ["list of an unknown status", () => store.list({ status: "gone" as never }), "INVALID_ARGUMENT"],
  ["list with a bad limit", () => store.list({ limit: 0 }), "INVALID_ARGUMENT"],
  ["list with a foreign cursor", () => store.list({ cursor: "garbage" }), "INVALID_ARGUMENT"],
  ["scan with a bad limit", () => first(store.scan({ limit: 1001 })), "INVALID_ARGUMENT"],
  ["watch of a bad id", async () => first(store.watch("{a}")), "INVALID_ARGUMENT"],
  ["watch after a foreign cursor", async () => first(store.watch({ after: "garbage" })), "INVALID_ARGUMENT"],
  ["waitFor a bad id", () => store.waitFor("\u2028"), "INVALID_ARGUMENT"],
  ["waitFor an unknown status", () => store.waitFor("a", { until: ["gone" as never] }), "INVALID_ARGUMENT"],
  ["audit with a bad choice", () => store.audit({ repair: 1 as never }), "INVALID_ARGUMENT"],
  ["outbox.read with a bad limit", () => store.outbox.read({ limit: 0 }), "INVALID_ARGUMENT"],
  ["outbox.ack of a bad entry", () => store.outbox.ack(["*"]), "INVALID_ARGUMENT"],
  ["outbox.reject of a bad entry", () => store.outbox.reject(["1-1\n"], "why"), "INVALID_ARGUMENT"],
  ["outbox.requeue of a bad entry", () => store.outbox.requeue([7 as never]), "INVALID_ARGUMENT"],
  ["outbox.rejected with a bad limit", () => store.outbox.rejected({ limit: 1001 }), "INVALID_ARGUMENT"],
];
for (const [what, call, code] of refused) {
  test(`${what} is ${code} before the driver is asked`, async () => {
    await expect(call()).rejects.toMatchObject({ name: "JobStoreError", code });
  });
}

test("an empty list of ids, or of entries, asks the driver nothing", async () => {
  expect(await store.getMany([])).toEqual([]);
  expect(await store.deleteMany([])).toBe(0);
  expect(await store.createMany([])).toEqual([]);
  await store.outbox.ack([]);
  await store.outbox.reject([], "why");
  await store.outbox.requeue([]);
  expect(await store.outbox.read({ signal: AbortSignal.abort() })).toEqual([]);
});
