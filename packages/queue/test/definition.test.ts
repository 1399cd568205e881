import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createBroker, deadLetter, defineQueue, message, QueueError, retry } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

const payload = z.object({ n: z.number().default(7) });
const refused = expect.objectContaining({ name: "QueueError", code: "INVALID_ARGUMENT" });

describe("defineQueue", () => {
  test("fills in what was left out, also where it is undefined", () => {
    const complete = { name: "q", payload, retryDelaysMs: [1_000, 10_000, 60_000], type: "quorum" };
    expect(defineQueue({ name: "q", payload })).toEqual(complete);
    expect(defineQueue({ name: "q", payload, retryDelaysMs: undefined, type: undefined })).toEqual(complete);
  });

  test("refuses a misspelt key, which would otherwise mean the default", () => {
    const misspelt = { name: "q", payload, retryDelayMs: [5] };
    expect(() => defineQueue(misspelt)).toThrow(refused);
    expect(() => defineQueue(misspelt)).toThrow(/retryDelayMs.*retryDelaysMs/);
  });

  test("is not changed by what happens to its arguments later", () => {
    const delays = [5];
    const queue = defineQueue({ name: "q", payload, retryDelaysMs: delays });
    delays.push(6);
    expect(queue.retryDelaysMs).toEqual([5]);
    expect(Object.isFrozen(queue)).toBe(true);
  });

  test.each(["q", "a.b-c_D9", "x".repeat(128), "wait.1000", "q.waiting", "q.deadly"])("takes the name %s", (name) => {
    expect(defineQueue({ name, payload }).name).toBe(name);
  });

  test.each([
    "",
    " ",
    "a b",
    "ü",
    "a/b",
    "a\n",
    ".a",
    "amq.q",
    "q.dead",
    "q.wait.1000",
    "x".repeat(129),
    "a\u0000",
    "{a}",
    7,
  ])("refuses the name %j", (name) => {
    expect(() => defineQueue({ name: name as string, payload })).toThrowError(refused);
  });

  test.each([
    [[-1]],
    [[1.5]],
    [[Number.NaN]],
    [[Number.POSITIVE_INFINITY]],
    [[2 ** 31]],
    [["1"]],
    ["1000"],
    [Array(101).fill(1)],
  ])("refuses the delays %j", (delays) => {
    expect(() => defineQueue({ name: "q", payload, retryDelaysMs: delays as number[] })).toThrowError(refused);
  });

  test("refuses another type, and a payload that is no schema", () => {
    expect(() => defineQueue({ name: "q", payload, type: "stream" as "quorum" })).toThrowError(refused);
    expect(() => defineQueue({ name: "q", payload: {} as typeof payload })).toThrowError(refused);
    expect(() => defineQueue(undefined as never)).toThrowError(refused);
  });

  test("keeps a delivery limit and `declare`, and adds none", () => {
    expect(defineQueue({ name: "q", payload, deliveryLimit: 1, declare: false })).toMatchObject({
      deliveryLimit: 1,
      declare: false,
    });
    const plain = defineQueue({ name: "q", payload, deliveryLimit: undefined, declare: undefined });
    expect(Object.keys(plain)).toEqual(["name", "payload", "retryDelaysMs", "type"]);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 31, "20", null])("refuses the delivery limit %s", (deliveryLimit) => {
    const limit = deliveryLimit as number;
    expect(() => defineQueue({ name: "q", payload, deliveryLimit: limit })).toThrowError(refused);
    expect(() => defineQueue({ name: "q", payload, deliveryLimit: limit })).toThrowError(/deliveryLimit of queue "q"/);
  });

  test("refuses a delivery limit of a classic queue, which has none", () => {
    const classic = { name: "q", payload, type: "classic", deliveryLimit: 20 } as const;
    expect(() => defineQueue(classic)).toThrowError(refused);
    expect(() => defineQueue(classic)).toThrowError(/"classic", which has no deliveryLimit/);
  });

  test.each<unknown>(["false", 0, null])("refuses declare: %j", (declare) => {
    expect(() => defineQueue({ name: "q", payload, declare: declare as boolean })).toThrowError(refused);
  });

  test("keeps a version and its upcasts, and adds none", () => {
    const upcast = { 1: (old: unknown) => old };
    expect(defineQueue({ name: "q", payload, version: 2, upcast })).toMatchObject({ version: 2, upcast });
    expect(defineQueue({ name: "q", payload, version: undefined, upcast: undefined })).not.toHaveProperty("version");
    expect(Object.isFrozen(defineQueue({ name: "q", payload, version: 2, upcast }).upcast)).toBe(true);
  });

  test.each([0, -1, 1.5, Number.NaN, 1_000_000_000, "2"])("refuses the version %s", (version) => {
    expect(() => defineQueue({ name: "q", payload, version: version as number })).toThrowError(refused);
  });

  test.each([
    ["of the present version", { 2: () => 1 }],
    ["of version 0", { 0: () => 1 }],
    ["of no version", { first: () => 1 }],
    ["that is no function", { 1: "up" }],
    ["that are none", 7],
  ])("refuses upcasts %s", (_name, upcast) => {
    const steps = upcast as unknown as Record<number, (old: unknown) => unknown>;
    expect(() => defineQueue({ name: "q", payload, version: 2, upcast: steps })).toThrowError(refused);
  });
});

describe("message", () => {
  const queue = defineQueue({ name: "q", payload });

  test("carries the payload as the schema reads it, and nothing that was left out", () => {
    expect(message(queue, {})).toStrictEqual({ queue: "q", payload: { n: 7 } });
    expect(message(queue, { n: 1 }, { id: undefined, headers: undefined })).toStrictEqual({
      queue: "q",
      payload: { n: 1 },
    });
    expect(message(queue, { n: 1 }, { id: "m", headers: { a: "b" } })).toStrictEqual({
      queue: "q",
      payload: { n: 1 },
      id: "m",
      headers: { a: "b" },
    });
  });

  test("says its version from 2 on", () => {
    const later = defineQueue({ name: "q", payload, version: 2 });
    expect(message(later, {}, { headers: { a: "b" } }).headers).toEqual({ a: "b", "x-subtitles-version": "2" });
    expect(message(later, {}).headers).toEqual({ "x-subtitles-version": "2" });
  });

  test("a recursive schema that meets a cycle, or one that throws, refuses the payload", () => {
    const Tree: z.ZodType<unknown> = z.lazy(() => z.array(Tree));
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const trees = { name: "trees", payload: z.object({ tree: Tree }), retryDelaysMs: [], type: "quorum" as const };
    expect(() => message(trees, { tree: cycle })).toThrowError(expect.objectContaining({ code: "INVALID_PAYLOAD" }));
    const throwing = z.string().refine((text) => {
      throw new TypeError(`cannot judge ${text}`);
    });
    const secrets = defineQueue({ name: "secrets", payload: throwing });
    expect(() => message(secrets, "s3cret")).toThrowError(/its schema threw TypeError/);
  });
});

describe("verdicts", () => {
  test("say what they were told", () => {
    expect(retry()).toStrictEqual({ kind: "retry" });
    expect(retry({ afterMs: 5, reason: "busy" })).toStrictEqual({ kind: "retry", afterMs: 5, reason: "busy" });
    expect(retry({ afterMs: undefined, reason: undefined })).toStrictEqual({ kind: "retry" });
    expect(deadLetter("no")).toStrictEqual({ kind: "deadLetter", reason: "no" });
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("retry after %s ms is INVALID_ARGUMENT", (afterMs) => {
    expect(() => retry({ afterMs })).toThrowError(refused);
  });

  test("a reason that is no string is INVALID_ARGUMENT", () => {
    expect(() => retry({ reason: 1 as unknown as string })).toThrowError(refused);
    expect(() => deadLetter(undefined as unknown as string)).toThrowError(refused);
  });
});

describe("createBroker", () => {
  test("without a driver of this package there is no broker", () => {
    expect(() => createBroker({ driver: { name: "made up" } })).toThrowError(refused);
    expect(() => createBroker(undefined as never)).toThrowError(refused);
  });

  test("an onError that throws fails nothing", async () => {
    const queue = defineQueue({ name: "q", payload, retryDelaysMs: [] });
    const told: unknown[] = [];
    const onError = (error: unknown, context: unknown) => {
      told.push([String(error), context]);
      throw new Error("the logger is broken");
    };
    await using broker = createBroker({ driver: memoryDriver(), onError });
    await broker.consume(queue, () => Promise.reject(new Error("boom")));
    await broker.publish(queue, {}, { id: "m" });
    await expect.poll(() => broker.deadLetters(queue)).toHaveLength(1);
    expect(told).toEqual([["Error: boom", { queue: "q", messageId: "m" }]]);
  });
});

describe("QueueError.is", () => {
  test("knows its own, by code where one is given", () => {
    const error: unknown = new QueueError("TIMEOUT", "late", { queue: "q", indeterminate: true });
    expect([QueueError.is(error), QueueError.is(error, "TIMEOUT"), QueueError.is(error, "CLOSED")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(error).toMatchObject({ name: "QueueError", code: "TIMEOUT", queue: "q", indeterminate: true });
    expect(error).not.toHaveProperty("messageId");
  });

  test("knows errors of another copy of the package, and no look-alikes", async () => {
    // @ts-expect-error: a query makes it another module, with a class of its own
    const copy: { QueueError: typeof QueueError } = await import("../src/lib/errors.js?copy");
    const foreign = new copy.QueueError("CLOSED", "gone");
    expect(foreign).not.toBeInstanceOf(QueueError);
    expect([QueueError.is(foreign), QueueError.is(foreign, "CLOSED"), QueueError.is(foreign, "TIMEOUT")]).toEqual([
      true,
      true,
      false,
    ]);
    const others: unknown[] = [
      null,
      undefined,
      "CLOSED",
      new Error("x"),
      Object.assign(new Error("x"), { code: "CLOSED", name: "QueueError" }),
    ];
    for (const other of others) expect(QueueError.is(other)).toBe(false);
  });
});
