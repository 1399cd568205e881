import { expect, test } from "vitest";
import * as z from "zod";
import * as root from "../src/index.js";
import { createJobStore, createReporter, defineJob, type JobStorage, type JobStoreDriver } from "../src/index.js";
import * as memory from "../src/memory.js";
import * as opentelemetry from "../src/opentelemetry.js";
import * as redis from "../src/redis.js";
import * as subtitle from "../src/subtitle.js";
import { errand } from "./errand.js";

/** Definition of jobs that can have a lease in "doing". */
const work = defineJob({
  name: "work",
  data: z.null(),
  initial: "todo",
  statuses: {
    todo: { next: ["doing"] },
    doing: { next: ["doing", "done", "failed"] },
    done: { next: ["todo"], final: true },
    failed: { next: [], final: true },
  },
  index: { kind: () => "x", owner: () => null },
});

/** Returns an object whose methods all fail the test, except those in `parts`. */
function untouchable<T extends object>(name: string, parts: Partial<T> = {}): T {
  const fail = (call: string | symbol) => () => expect.fail(`${name}.${String(call)} was called`);
  return new Proxy(parts, { get: (_, key) => Reflect.get(parts, key) ?? fail(key) }) as T;
}
const outbox = untouchable<JobStorage["outbox"]>("outbox");
const driver = untouchable<JobStoreDriver>("driver", {
  name: "untouchable",
  open: () => untouchable<JobStorage>("storage", { outbox, logs: [] }),
});
const store = createJobStore({ job: errand, driver });
/** Store of jobs that can have a lease. */
const leased = createJobStore({ job: work, driver });
const request = { queue: "q", id: "m" };
const claim = { from: ["todo"], leaseMs: 1, key: "k", message: { ...request, payload: 1 } } as const;
const failure = { from: ["todo"], working: "doing", message: request, error: { message: "no" } } as const;
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
  leasedUntil: null,
  history: [],
} as const;
const first = async (all: AsyncIterable<unknown>) => {
  for await (const one of all) return one;
  return undefined;
};

const worker = {
  id: "w",
  by: "w",
  queue: "q",
  from: ["todo"],
  working: "doing",
  host: "h",
  pid: 1,
  state: "running",
  concurrency: 1,
  startedAt: new Date(0),
} as const;

const refused: readonly (readonly [string, () => Promise<unknown>, "INVALID_ARGUMENT" | "INVALID_DATA"])[] = [
  ["create with a bad id", () => store.create(null, { id: "job:*" }), "INVALID_ARGUMENT"],
  ["create with bad data", () => store.create(7 as never), "INVALID_DATA"],
  ["create with a bad author", () => store.create(null, { by: 7 as never }), "INVALID_ARGUMENT"],
  [
    "create with a bad delay",
    () => store.create(null, { outbox: [{ queue: "q", payload: 1, delayMs: 0 }] }),
    "INVALID_ARGUMENT",
  ],
  ["create with a bad message", () => store.create(null, { outbox: [{ queue: "", payload: 1 }] }), "INVALID_ARGUMENT"],
  [
    "create with a payload that is no JSON",
    () => store.create(null, { outbox: [{ queue: "q", payload: 1n }] }),
    "INVALID_DATA",
  ],
  ["request without an id", () => store.request(null, {} as never), "INVALID_ARGUMENT"],
  ["request with bad data", () => store.request(7 as never, { id: "a" }), "INVALID_DATA"],
  [
    "request with a bad message",
    () => store.request(null, { id: "a", outbox: [{ queue: "" } as never] }),
    "INVALID_ARGUMENT",
  ],
  ...["todo", "gone", 7].map(
    (status) =>
      [
        `request with a retry from ${status}`,
        () => store.request(null, { id: "a", retryFrom: [status as never] }),
        "INVALID_ARGUMENT",
      ] as const,
  ),
  [
    "request with a retry from a final status that leads to another one",
    () => leased.request(null, { id: "a", retryFrom: ["failed"] }),
    "INVALID_ARGUMENT",
  ],
  [
    "request with a retry from no list",
    () => store.request(null, { id: "a", retryFrom: "done" as never }),
    "INVALID_ARGUMENT",
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
  [
    "updateStatus with another `handled`",
    () => leased.updateStatus("a", "doing", { handled: false as never }),
    "INVALID_ARGUMENT",
  ],
  [
    "updateStatus with another `failedAttempt`",
    () => leased.updateStatus("a", "doing", { failedAttempt: 1 as never }),
    "INVALID_ARGUMENT",
  ],
  ["updateStatus with a short lease", () => leased.updateStatus("a", "doing", { leaseMs: 0 }), "INVALID_ARGUMENT"],
  [
    "updateStatus with a long lease",
    () => leased.updateStatus("a", "doing", { leaseMs: 31_622_400_001 }),
    "INVALID_ARGUMENT",
  ],
  [
    "updateStatus with a lease in a final status",
    () => leased.updateStatus("a", "done", { leaseMs: 1 }),
    "INVALID_ARGUMENT",
  ],
  [
    "updateStatus with a lease in a status without re-entry",
    () => leased.updateStatus("a", "todo", { leaseMs: 1 }),
    "INVALID_ARGUMENT",
  ],
  [
    "updateStatus with a lease to another status",
    () => leased.updateStatus(job, "doing", { leaseMs: 1 }),
    "INVALID_ARGUMENT",
  ],
  ["claim of a bad id", () => leased.claim("*", "doing", claim), "INVALID_ARGUMENT"],
  ["claim into an unknown status", () => leased.claim("a", "gone" as string as "doing", claim), "INVALID_ARGUMENT"],
  ["claim into a final status", () => leased.claim("a", "done" as string as "doing", claim), "INVALID_ARGUMENT"],
  [
    "claim into a status without re-entry",
    () => leased.claim("a", "todo" as string as "doing", claim),
    "INVALID_ARGUMENT",
  ],
  [
    "claim from an unknown status",
    () => leased.claim("a", "doing", { ...claim, from: ["gone" as never] }),
    "INVALID_ARGUMENT",
  ],
  [
    "claim from a final status",
    () => leased.claim("a", "doing", { ...claim, from: ["done" as never] }),
    "INVALID_ARGUMENT",
  ],
  ["claim from no list", () => leased.claim("a", "doing", { ...claim, from: "todo" as never }), "INVALID_ARGUMENT"],
  ["claim for no time", () => leased.claim("a", "doing", { ...claim, leaseMs: 0 }), "INVALID_ARGUMENT"],
  ["claim for too long", () => leased.claim("a", "doing", { ...claim, leaseMs: 31_622_400_001 }), "INVALID_ARGUMENT"],
  ["claim without a key", () => leased.claim("a", "doing", { ...claim, key: undefined as never }), "INVALID_ARGUMENT"],
  ["claim with an empty key", () => leased.claim("a", "doing", { ...claim, key: "" }), "INVALID_ARGUMENT"],
  ["claim at a bad version", () => leased.claim("a", "doing", { ...claim, ifVersion: 0 }), "INVALID_ARGUMENT"],
  ["claim with a bad author", () => leased.claim("a", "doing", { ...claim, by: 7 as never }), "INVALID_ARGUMENT"],
  [
    "claim without a message",
    () => leased.claim("a", "doing", { ...claim, message: undefined as never }),
    "INVALID_ARGUMENT",
  ],
  ...[{ queue: "" }, { id: "" }, { headers: { n: 1 } }, { origin: 1 }].map(
    (fault) =>
      [
        `claim with a message with ${JSON.stringify(fault)}`,
        () => leased.claim("a", "doing", { ...claim, message: { ...claim.message, ...(fault as object) } }),
        "INVALID_ARGUMENT",
      ] as const,
  ),
  [
    "claim with a message of more than 4 MiB",
    () => leased.claim("a", "doing", { ...claim, message: { ...request, payload: "x".repeat(4_194_303) } }),
    "INVALID_ARGUMENT",
  ],
  [
    "claim with a payload that is no JSON",
    () => leased.claim("a", "doing", { ...claim, message: { ...request, payload: 1n } }),
    "INVALID_DATA",
  ],
  ["failRequest of a bad id", () => leased.failRequest("*", "failed", failure), "INVALID_ARGUMENT"],
  ["failRequest to an unknown status", () => leased.failRequest("a", "gone" as never, failure), "INVALID_ARGUMENT"],
  ["failRequest to a status that does not follow", () => leased.failRequest("a", "todo", failure), "INVALID_ARGUMENT"],
  ["failRequest to the working status", () => leased.failRequest("a", "doing", failure), "INVALID_ARGUMENT"],
  [
    "failRequest with a bad working status",
    () => leased.failRequest("a", "failed", { ...failure, working: "todo" as never }),
    "INVALID_ARGUMENT",
  ],
  [
    "failRequest from a final status",
    () => leased.failRequest("a", "failed", { ...failure, from: ["done"] }),
    "INVALID_ARGUMENT",
  ],
  [
    "failRequest without an error",
    () => leased.failRequest("a", "failed", { ...failure, error: undefined as never }),
    "INVALID_ARGUMENT",
  ],
  [
    "failRequest with a bad message",
    () => leased.failRequest("a", "failed", { ...failure, message: { queue: "q" } as never }),
    "INVALID_ARGUMENT",
  ],
  [
    "a claim with a limit without a field",
    () => leased.claim("a", "doing", { ...claim, limit: { max: 1 } as never }),
    "INVALID_ARGUMENT",
  ],
  [
    "a claim with a limit on no index field",
    () => leased.claim("a", "doing", { ...claim, limit: { field: "x", max: 1 } as never }),
    "INVALID_ARGUMENT",
  ],
  ["renewLeases of an id", () => leased.renewLeases(["a" as never], 1), "INVALID_ARGUMENT"],
  ["renewLeases of a bad job", () => leased.renewLeases([{ ...job, status: 7 } as never], 1), "INVALID_ARGUMENT"],
  ["renewLeases for a bad time", () => leased.renewLeases([], -1), "INVALID_ARGUMENT"],
  ["pauseQueue without a name", () => store.pauseQueue(""), "INVALID_ARGUMENT"],
  ["pauseQueue with a long name", () => store.pauseQueue("q".repeat(256)), "INVALID_ARGUMENT"],
  ["pauseQueue until no date", () => store.pauseQueue("q", { until: 7 as never }), "INVALID_ARGUMENT"],
  [
    "pauseQueue until an invalid date",
    () => store.pauseQueue("q", { until: new Date(Number.NaN) }),
    "INVALID_ARGUMENT",
  ],
  ["pauseQueue with a bad reason", () => store.pauseQueue("q", { reason: 7 as never }), "INVALID_ARGUMENT"],
  ["pauseQueue with a long reason", () => store.pauseQueue("q", { reason: "x".repeat(1001) }), "INVALID_ARGUMENT"],
  ["pauseQueue with a bad author", () => store.pauseQueue("q", { by: 7 as never }), "INVALID_ARGUMENT"],
  [
    "pauseQueue with another `unlessLonger`",
    () => store.pauseQueue("q", { unlessLonger: false as never }),
    "INVALID_ARGUMENT",
  ],
  ["resumeQueue without a name", () => store.resumeQueue(""), "INVALID_ARGUMENT"],
  ["resumeQueue with a bad author", () => store.resumeQueue("q", { by: 7 as never }), "INVALID_ARGUMENT"],
  ["announceWorker without a worker", () => leased.announceWorker(null as never, [], 1), "INVALID_ARGUMENT"],
  ["announceWorker of an id", () => leased.announceWorker(worker, ["a" as never], 1), "INVALID_ARGUMENT"],
  ["announceWorker for a bad time", () => leased.announceWorker(worker, [], -1), "INVALID_ARGUMENT"],
  ...Object.entries({
    ...{ id: "*", by: "", queue: "", from: "todo", working: "gone", host: 1, pid: -1, version: "", state: "closed" },
    ...{ concurrency: 0, startedAt: 7 },
  }).map(
    ([key, value]) =>
      [
        `announceWorker with a bad \`${key}\``,
        () => leased.announceWorker({ ...worker, [key]: value } as never, [], 1),
        "INVALID_ARGUMENT",
      ] as const,
  ),
  ["updateProgress of a bad id", () => store.updateProgress("\0", null), "INVALID_ARGUMENT"],
  ["updateProgress that does not fit", () => store.updateProgress("a", 7 as never), "INVALID_DATA"],
  ["delete of a bad id", () => store.delete("*"), "INVALID_ARGUMENT"],
  ["deleteMany with one bad id", () => store.deleteMany(["a", "*"]), "INVALID_ARGUMENT"],
  ["list of an unknown status", () => store.list({ status: "gone" as never }), "INVALID_ARGUMENT"],
  ["list with a bad limit", () => store.list({ limit: 0 }), "INVALID_ARGUMENT"],
  ["list with a foreign cursor", () => store.list({ cursor: "garbage" }), "INVALID_ARGUMENT"],
  ...[{ colour: "x" }, { kind: "x", owner: "y" }, {}, { kind: 1 }, { kind: "" }, "kind", null].map(
    (where) =>
      [
        `counts of ${JSON.stringify(where)}`,
        () => leased.counts({ where: where as never }),
        "INVALID_ARGUMENT",
      ] as const,
  ),
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
  ["outbox.list of no kind", () => store.outbox.list({} as never), "INVALID_ARGUMENT"],
  ["outbox.list of an unknown kind", () => store.outbox.list({ kind: "claimed" as never }), "INVALID_ARGUMENT"],
  ["outbox.list with a bad limit", () => store.outbox.list({ kind: "waiting", limit: 1001 }), "INVALID_ARGUMENT"],
  ["outbox.list with a foreign cursor", () => store.outbox.list({ kind: "waiting", cursor: "x" }), "INVALID_ARGUMENT"],
  ["outbox.ofJob of a bad id", () => store.outbox.ofJob("*"), "INVALID_ARGUMENT"],
  ["outbox.reschedule of a bad entry", () => store.outbox.reschedule(["*"], { at: new Date() }), "INVALID_ARGUMENT"],
  ["outbox.reschedule to no time", () => store.outbox.reschedule(["0-1"], {} as never), "INVALID_ARGUMENT"],
  ["outbox.reschedule to a bad time", () => store.outbox.reschedule([], { at: new Date(-1) }), "INVALID_ARGUMENT"],
  ["outbox.cancel of a bad entry", () => store.outbox.cancel(["0-1", 7 as never]), "INVALID_ARGUMENT"],
  ["outbox.rejected with a bad limit", () => store.outbox.rejected({ limit: 1001 }), "INVALID_ARGUMENT"],
];
for (const [what, call, code] of refused) {
  test(`${what} is ${code} before the driver is called`, async () => {
    await expect(call()).rejects.toMatchObject({ name: "JobStoreError", code });
  });
}

test("an empty list of ids or entries makes no call to the driver", async () => {
  expect(await store.getMany([])).toEqual([]);
  expect(await store.deleteMany([])).toBe(0);
  expect(await store.createMany([])).toEqual([]);
  await store.outbox.ack([]);
  await store.outbox.reject([], "why");
  await store.outbox.requeue([]);
  expect(await store.outbox.reschedule([], { at: new Date() })).toEqual([]);
  expect(await store.outbox.cancel([])).toEqual([]);
  expect(await store.outbox.read({ signal: AbortSignal.abort() })).toEqual([]);
});

/** Key that no function accepts. Its type is object, so that the compiler accepts it in any options. */
const unknown: object = { colour: undefined };
const reporter = createReporter(store);
const message = { queue: "q", payload: 1 };
const rejectionOf = async (all: Promise<readonly PromiseSettledResult<unknown>[]>) => {
  for (const one of await all) if (one.status === "rejected") throw one.reason;
};

/** Calls with an unknown key, one for each object argument of a method. The list is empty if a method has none. */
type Calls<Methods extends string> = Record<Methods, Readonly<Record<string, () => unknown>>>;
type MethodsOf<T> = { [K in keyof T & string]: T[K] extends (...parameters: never) => unknown ? K : never }[keyof T &
  string];

const ofStore: Calls<MethodsOf<typeof store>> = {
  create: {
    options: () => store.create(null, { ...unknown }),
    "a message": () => store.create(null, { outbox: [message, { ...message, ...unknown }] }),
  },
  request: {
    options: () => store.request(null, { id: "a", ...unknown }),
    "a message": () => store.request(null, { id: "a", outbox: [{ ...message, ...unknown }] }),
  },
  createMany: { "a job": () => rejectionOf(store.createMany([{ data: null, ...unknown }])) },
  save: {
    "the job": () => store.save({ ...job, ...unknown }),
    "the error": () => store.save({ ...job, error: { message: "no", ...unknown } }),
    "a change": () =>
      store.save({ ...job, history: [{ from: null, to: "todo", at: new Date(0), version: 1, ...unknown }] }),
  },
  get: {},
  getMany: {},
  updateStatus: {
    "options, with an id": () => store.updateStatus("a", "done", { ...unknown }),
    "options, with a snapshot": () => store.updateStatus(job, "done", { ...unknown }),
    "a message": () => store.updateStatus("a", "done", { outbox: [{ ...message, ...unknown }] }),
    "the error": () => store.updateStatus("a", "done", { error: { message: "no", ...unknown } }),
  },
  updateProgress: {},
  claim: {
    options: () => leased.claim("a", "doing", { ...claim, ...unknown }),
    "the message": () => leased.claim("a", "doing", { ...claim, message: { ...claim.message, ...unknown } }),
  },
  failRequest: {
    options: () => leased.failRequest("a", "failed", { ...failure, ...unknown }),
    "the message": () => leased.failRequest("a", "failed", { ...failure, message: { ...failure.message, ...unknown } }),
    "the error": () => leased.failRequest("a", "failed", { ...failure, error: { ...failure.error, ...unknown } }),
  },
  renewLeases: {},
  pauseQueue: { options: () => store.pauseQueue("q", { ...unknown }) },
  activity: {},
  resumeQueue: { options: () => store.resumeQueue("q", { ...unknown }) },
  pausedQueues: {},
  explain: {},
  workers: {},
  announceWorker: { "the worker": () => leased.announceWorker({ ...worker, ...unknown }, [], 1) },
  delete: {},
  deleteMany: {},
  list: { options: () => store.list({ ...unknown }) },
  scan: { options: () => first(store.scan({ ...unknown })) },
  counts: { options: () => store.counts({ ...unknown }) },
  watch: {
    "the target": () => store.watch({ ...unknown }),
    options: () => store.watch("a", { ...unknown }),
  },
  waitFor: { options: () => store.waitFor("a", { ...unknown }) },
  // `health` never throws. A test below checks it.
  health: {},
  audit: { options: () => store.audit({ ...unknown }) },
  close: {},
};
const ofOutbox: Calls<MethodsOf<typeof store.outbox>> = {
  read: { options: () => store.outbox.read({ ...unknown }) },
  ack: {},
  reject: {},
  rejected: { options: () => store.outbox.rejected({ ...unknown }) },
  list: { options: () => store.outbox.list({ kind: "waiting", ...unknown }) },
  ofJob: {},
  reschedule: { options: () => store.outbox.reschedule(["0-1"], { at: new Date(0), ...unknown }) },
  cancel: {},
  countRejected: {},
  requeue: {},
  depth: {},
  scheduled: {},
  oldest: {},
};
const ofReporter: Calls<MethodsOf<typeof reporter>> = {
  report: {
    options: () => reporter.report("a", "done", { ...unknown }),
    "a message": () => reporter.report("a", "done", { outbox: [{ ...message, ...unknown }] }),
    "the error": () => reporter.report("a", "done", { error: { message: "no", ...unknown } }),
  },
  progress: {},
  flush: { options: () => reporter.flush({ ...unknown }) },
  close: {},
};
const entries = { ...root, ...memory, ...opentelemetry, ...redis, ...subtitle };
const ofEntries: Calls<Exclude<MethodsOf<typeof entries>, "JobStoreError">> = {
  defineJob: { "the definition": () => root.defineJob({ ...errand, ...unknown }) },
  createJobStore: { options: () => createJobStore({ job: errand, driver, ...unknown }) },
  openRecordedStore: { options: () => root.openRecordedStore(driver, { ...unknown }) },
  // The argument is content of any form.
  idFrom: {},
  createReporter: { options: () => createReporter(store, { ...unknown }) },
  memoryDriver: { options: () => memory.memoryDriver({ ...unknown }) },
  redisDriver: {
    options: () => redis.redisDriver({ url: "redis://nowhere", ...unknown }),
    waitReplicas: () => redis.redisDriver({ url: "redis://nowhere", waitReplicas: { count: 1, ...unknown } }),
  },
  redisPermissions: { options: () => redis.redisPermissions({ ...unknown }) },
  instrument: { options: () => opentelemetry.instrument(driver, { ...unknown }) },
  // The argument is the environment, which can contain variables of any name.
  subtitleTtlFromEnv: {},
};

const tables: readonly (readonly [owner: string, object, Calls<string>])[] = [
  ["store", store, ofStore],
  ["store.outbox", store.outbox, ofOutbox],
  ["reporter", reporter, ofReporter],
  ["the entry points", entries, ofEntries],
];

/** Returns the names of an object's methods, including those of its class. */
function methodsOf(owner: object): readonly string[] {
  const all = new Set([...Object.keys(owner), ...Object.getOwnPropertyNames(Object.getPrototypeOf(owner))]);
  const isMethod = (name: string) => typeof Reflect.get(owner, name) === "function";
  return [...all].filter((name) => /^[a-z]/.test(name) && name !== "constructor" && isMethod(name));
}

test.each(tables)("the table of unknown keys contains every function of %s", (_, owner, calls) => {
  const ofObject = new Set(Object.getOwnPropertyNames(Object.prototype));
  expect(Object.keys(calls).sort()).toEqual(
    methodsOf(owner)
      .filter((name) => !ofObject.has(name))
      .sort(),
  );
});

const withUnknownKey = tables.flatMap(([owner, , calls]) =>
  Object.entries(calls).flatMap(([name, given]) =>
    Object.entries(given).map(([what, call]) => [`${name} of ${owner}`, what, call] as const),
  ),
);
test.each(withUnknownKey)("%s rejects an unknown key in %s before the driver is called", async (_, __, call) => {
  await expect((async () => call())()).rejects.toMatchObject({
    name: "JobStoreError",
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining('"colour"'),
  });
});

test("the error names the function, the unknown key and the known ones", async () => {
  const misspelt: object = { reslut: 1 };
  await expect(store.updateStatus("a", "done", { ...misspelt })).rejects.toThrow(
    'updateStatus does not support the option "reslut". ' +
      "Supported options: by, error, failedAttempt, handled, ifVersion, key, leaseMs, note, outbox, progress, result.",
  );
  await expect(store.create(null, { outbox: [{ ...message, ...misspelt }] })).rejects.toThrow(
    'outbox[0] does not support the key "reslut". Supported keys: delayMs, headers, id, payload, queue.',
  );
});

test("health reports an unknown option without a call to the driver", async () => {
  expect(await store.health({ ...unknown })).toMatchObject({
    status: "unhealthy",
    error: 'health does not support the option "colour". Supported options: timeoutMs.',
  });
});

test("an option of another overload is rejected", async () => {
  const ifVersion: object = { ifVersion: 1 };
  await expect(store.updateStatus(job, "done", { ...ifVersion })).rejects.toThrow(
    'updateStatus with a snapshot does not support the option "ifVersion"',
  );
  const cursor: object = { cursor: "abc" };
  await expect(first(store.scan({ ...cursor }))).rejects.toThrow('scan does not support the option "cursor"');
});

test("options that are not an object are rejected", async () => {
  for (const none of [null, 7, "by"] as never[]) {
    const calls = [
      () => store.create(null, none),
      () => store.request(null, none),
      () => store.updateStatus("a", "done", none),
      () => leased.claim("a", "doing", none),
      () => leased.failRequest("a", "failed", none),
      () => leased.renewLeases(none, 1),
      () => store.list(none),
      () => store.counts(none),
      () => first(store.scan(none)),
      () => store.watch("a", none),
      () => store.waitFor("a", none),
      () => store.audit(none),
      () => store.outbox.read(none),
      () => store.outbox.rejected(none),
      () => store.outbox.list(none),
      () => store.outbox.reschedule(["0-1"], none),
      () => reporter.report("a", "done", none),
      () => reporter.flush(none),
      () => memory.memoryDriver(none),
      () => createReporter(store, none),
      () => redis.redisPermissions(none),
    ];
    for (const call of calls) {
      await expect((async () => call())()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  }
});

test("symbols, inherited keys and the properties of an error do not count as unknown keys", async () => {
  await using open = createJobStore({ job: errand, driver: memory.memoryDriver() });
  const inherited = Object.assign(Object.create({ colour: 1 }), { id: "a", [Symbol("colour")]: 1 });
  expect(await open.create(null, inherited)).toMatchObject({ created: true, job: { id: "a" } });
  const error = Object.assign(new Error("no space left"), { code: "ENOSPC", errno: -28, syscall: "write" });
  expect(await open.updateStatus("a", "done", { error })).toMatchObject({
    error: { message: "no space left", code: "ENOSPC" },
  });
});
