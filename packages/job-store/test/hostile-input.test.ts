import fc from "fast-check";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { createJobStore, JobStoreError } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { readRecord } from "../src/lib/redis/read-record.js";
import { decode } from "../src/lib/store/codec.js";
import { memoryDriver } from "../src/memory.js";

const SECRET = "s3cret-of-a-payload";

const prototypeKeys = Reflect.ownKeys(Object.prototype);
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeKeys);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });

/** Returns a text with some of its bytes changed. */
function mutated(text: string, bytesChanged: readonly (readonly [place: number, byte: number])[]): string {
  const bytes = Buffer.from(text);
  for (const [place, byte] of bytesChanged) bytes[place % bytes.length] = byte;
  return bytes.toString("utf8");
}

const RECORD = [
  '{"version":2,"status":"working","attempt":1,"ttl":0,"times":[1795564800000,1795564801000,1795564802000],"history":[',
  '[2,"waiting","working",1795564801000,"abcde002",{"by":"worker","note":"n","key":"k"}],',
  '[1,null,"waiting",0,"abcde001",{"by":"web"}]',
  "],",
  '"progress":{"done":3},',
  "      ",
  '"data":{"title":"One","body":{"__proto__":{"polluted":true}}}}',
].join("\n");

const value = fc
  .oneof(fc.constantFrom(1, "working", null), fc.maxSafeInteger(), fc.jsonValue())
  .map((one) => JSON.stringify(one));
const times = fc.oneof(
  fc.array(fc.maxSafeInteger(), { minLength: 2, maxLength: 3 }).map((all) => JSON.stringify(all)),
  value,
);
const entry = fc.oneof(
  fc
    .tuple(value, value, fc.constant('"working"'), value, fc.constant('"abcde001"'), value)
    .map((all) => `[${all.join(",")}]`),
  value,
);

/** Record with arbitrary JSON values. */
const strangeRecord = fc
  .record({
    version: value,
    status: value,
    attempt: value,
    ttl: value,
    times,
    part: value,
    history: fc.array(entry, { maxLength: 3 }),
  })
  .map(({ version, status, attempt, ttl, times, part, history }) =>
    [
      `{"version":${version},"status":${status},"attempt":${attempt},"ttl":${ttl},"times":${times},"history":[`,
      ...[history.join(",\n"), "],", `"progress":${part},`, `"error":${part},`, "  ", '"data":{"title":"One"}}'],
    ].join("\n"),
  );

/** Checks that a value that was read as a job has valid times, version and attempt. */
function readsOrRefuses(text: string): void {
  const record = readRecord("a", text);
  if ("kind" in record) return;
  try {
    const job = decode(report, record, true);
    expect(Object.keys(report.statuses)).toContain(job.status);
    const times = [job.createdAt, job.updatedAt, job.statusAt, ...job.history.map(({ at }) => at)];
    for (const time of [...times, ...(job.expiresAt === null ? [] : [job.expiresAt])]) {
      expect(Number.isNaN(time.getTime()), `${text} has an invalid date`).toBe(false);
    }
  } catch (error) {
    if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
  }
}

test("a stored record with some of its bytes changed is a job or unreadable", () => {
  fc.assert(
    fc.property(changes, (bytes) => readsOrRefuses(mutated(RECORD, bytes))),
    { numRuns: 300 },
  );
});

test("a stored record with arbitrary values is a job or unreadable", () => {
  fc.assert(fc.property(strangeRecord, readsOrRefuses), { numRuns: 300 });
});

test("a call with any argument returns a reply, or fails with an error of the package that quotes only a short part of it", async () => {
  const store = createJobStore({ job: report, driver: memoryDriver({ maxJobs: 100 }) });
  onTestFinished(() => store.close());
  const anything = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withBoxedValues: true }),
    fc.constantFrom("__proto__", "a", "x".repeat(10_000), SECRET.repeat(20), { title: SECRET.repeat(20), owner: 1 }),
  );
  const calls = fc.constantFrom(
    "create",
    "createMany",
    "save",
    "get",
    "getMany",
    "updateStatus",
    "updateProgress",
    "delete",
    "deleteMany",
    "list",
    "waitFor",
  );
  await fc.assert(
    fc.asyncProperty(calls, anything, anything, anything, async (name, ...given) => {
      // `waitFor` without a time limit is allowed. The test ends it.
      const options = name === "waitFor" ? [given[0], { timeoutMs: 0 }] : given;
      const call = store[name] as (...args: readonly unknown[]) => Promise<unknown>;
      const error = await (async () => call.apply(store, options))().then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error === null) return;
      if (!JobStoreError.is(error)) throw error;
      expect(error.message.length).toBeLessThan(1_000);
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(SECRET.repeat(4));
    }),
    { numRuns: 300 },
  );
});

test("a cursor with some of its bytes changed returns a page of its query or INVALID_ARGUMENT", async () => {
  const store = createJobStore({ job: report, driver: memoryDriver() });
  onTestFinished(() => store.close());
  await store.createMany(Array.from({ length: 3 }, () => ({ data: { title: "One" } })));
  const { cursor = "" } = await store.list({ limit: 1 });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        changes.map((bytes) => mutated(cursor, bytes)),
        fc.base64String(),
      ),
      async (hostile) => {
        const page = await store.list({ limit: 1, cursor: hostile }).catch((error: unknown) => error);
        if (page instanceof Error) expect(page).toMatchObject({ code: "INVALID_ARGUMENT" });
        else expect(page).toMatchObject({ items: expect.any(Array) });
      },
    ),
    { numRuns: 300 },
  );
});
