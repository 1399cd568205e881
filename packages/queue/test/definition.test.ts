import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createBroker, deadLetter, defineQueue, message, QueueError, retry } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

const payload = z.object({ n: z.number().default(7) });
const invalidArgument = expect.objectContaining({ name: "QueueError", code: "INVALID_ARGUMENT" });

describe("defineQueue", () => {
  test("adds the defaults for absent and undefined properties", () => {
    const complete = { name: "q", payload, retryDelaysMs: [1_000, 10_000, 60_000], type: "quorum" };
    expect(defineQueue({ name: "q", payload })).toEqual(complete);
    expect(defineQueue({ name: "q", payload, retryDelaysMs: undefined, type: undefined })).toEqual(complete);
  });

  test("rejects a misspelt key, which would otherwise select the default", () => {
    const misspelt = { name: "q", payload, retryDelayMs: [5] };
    expect(() => defineQueue(misspelt)).toThrow(invalidArgument);
    expect(() => defineQueue(misspelt)).toThrow(/retryDelayMs.*retryDelaysMs/);
  });

  test("does not change if its arguments are changed later", () => {
    const delays = [5];
    const queue = defineQueue({ name: "q", payload, retryDelaysMs: delays });
    delays.push(6);
    expect(queue.retryDelaysMs).toEqual([5]);
    expect(Object.isFrozen(queue)).toBe(true);
  });

  test.each(["q", "a.b-c_D9", "x".repeat(128), "wait.1000", "q.waiting", "q.deadly"])("accepts the name %s", (name) => {
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
  ])("rejects the name %j", (name) => {
    expect(() => defineQueue({ name: name as string, payload })).toThrowError(invalidArgument);
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
  ])("rejects the delays %j", (delays) => {
    expect(() => defineQueue({ name: "q", payload, retryDelaysMs: delays as number[] })).toThrowError(invalidArgument);
  });

  test("rejects an unknown type, and a payload that is not a schema", () => {
    expect(() => defineQueue({ name: "q", payload, type: "stream" as "quorum" })).toThrowError(invalidArgument);
    expect(() => defineQueue({ name: "q", payload: {} as typeof payload })).toThrowError(invalidArgument);
    expect(() => defineQueue(undefined as never)).toThrowError(invalidArgument);
  });

  test("keeps `deliveryLimit` and `declare`, and has no such keys by default", () => {
    expect(defineQueue({ name: "q", payload, deliveryLimit: 1, declare: false })).toMatchObject({
      deliveryLimit: 1,
      declare: false,
    });
    const plain = defineQueue({ name: "q", payload, deliveryLimit: undefined, declare: undefined });
    expect(Object.keys(plain)).toEqual(["name", "payload", "retryDelaysMs", "type"]);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 31, "20", null])("rejects the delivery limit %s", (deliveryLimit) => {
    const limit = deliveryLimit as number;
    expect(() => defineQueue({ name: "q", payload, deliveryLimit: limit })).toThrowError(invalidArgument);
    expect(() => defineQueue({ name: "q", payload, deliveryLimit: limit })).toThrowError(
      /`deliveryLimit` of queue "q"/,
    );
  });

  test("rejects a delivery limit of a classic queue", () => {
    const classic = { name: "q", payload, type: "classic", deliveryLimit: 20 } as const;
    expect(() => defineQueue(classic)).toThrowError(invalidArgument);
    expect(() => defineQueue(classic)).toThrowError(/"classic", which has no deliveryLimit/);
  });

  test.each<unknown>(["false", 0, null])("rejects declare: %j", (declare) => {
    expect(() => defineQueue({ name: "q", payload, declare: declare as boolean })).toThrowError(invalidArgument);
  });

  test("keeps `version` and `upcast`, and has no such keys by default", () => {
    const upcast = { 1: (old: unknown) => old };
    expect(defineQueue({ name: "q", payload, version: 2, upcast })).toMatchObject({ version: 2, upcast });
    expect(defineQueue({ name: "q", payload, version: undefined, upcast: undefined })).not.toHaveProperty("version");
    expect(Object.isFrozen(defineQueue({ name: "q", payload, version: 2, upcast }).upcast)).toBe(true);
  });

  test.each([0, -1, 1.5, Number.NaN, 1_000_000_000, "2"])("rejects the version %s", (version) => {
    expect(() => defineQueue({ name: "q", payload, version: version as number })).toThrowError(invalidArgument);
  });

  test.each([
    ["of the current version", { 2: () => 1 }],
    ["of version 0", { 0: () => 1 }],
    ["without a version", { first: () => 1 }],
    ["that are not functions", { 1: "up" }],
    ["that are not an object", 7],
  ])("rejects upcasts %s", (_name, upcast) => {
    const invalid = upcast as unknown as Record<number, (old: unknown) => unknown>;
    expect(() => defineQueue({ name: "q", payload, version: 2, upcast: invalid })).toThrowError(invalidArgument);
  });
});

describe("message", () => {
  const queue = defineQueue({ name: "q", payload });

  test("contains the parsed payload and only the given options", () => {
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

  test("contains the delay", () => {
    expect(message(queue, { n: 1 }, { delayMs: 31_622_400_000 })).toStrictEqual({
      queue: "q",
      payload: { n: 1 },
      delayMs: 31_622_400_000,
    });
    for (const delayMs of [0, 1.5, 31_622_400_001, "5", null]) {
      expect(() => message(queue, { n: 1 }, { delayMs: delayMs as number })).toThrowError(invalidArgument);
    }
  });

  test("contains the version from version 2", () => {
    const later = defineQueue({ name: "q", payload, version: 2 });
    expect(message(later, {}, { headers: { a: "b" } }).headers).toEqual({ a: "b", "x-subtitles-version": "2" });
    expect(message(later, {}).headers).toEqual({ "x-subtitles-version": "2" });
  });

  test("rejects a cyclic payload of a recursive schema, and a payload whose schema throws", () => {
    const Tree: z.ZodType<unknown> = z.lazy(() => z.array(Tree));
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const trees = { name: "trees", payload: z.object({ tree: Tree }), retryDelaysMs: [], type: "quorum" as const };
    expect(() => message(trees, { tree: cycle })).toThrowError(expect.objectContaining({ code: "INVALID_PAYLOAD" }));
    const throwing = z.string().refine((text) => {
      throw new TypeError(`cannot check ${text}`);
    });
    const secrets = defineQueue({ name: "secrets", payload: throwing });
    expect(() => message(secrets, "s3cret")).toThrowError(/its schema threw TypeError/);
  });
});

describe("verdicts", () => {
  test("contain the given options", () => {
    expect(retry()).toStrictEqual({ kind: "retry" });
    expect(retry({ afterMs: 5, reason: "busy" })).toStrictEqual({ kind: "retry", afterMs: 5, reason: "busy" });
    expect(retry({ afterMs: undefined, reason: undefined })).toStrictEqual({ kind: "retry" });
    expect(deadLetter("no")).toStrictEqual({ kind: "deadLetter", reason: "no" });
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "retry after %s ms fails with INVALID_ARGUMENT",
    (afterMs) => {
      expect(() => retry({ afterMs })).toThrowError(invalidArgument);
    },
  );

  test("a reason that is not a string fails with INVALID_ARGUMENT", () => {
    expect(() => retry({ reason: 1 as unknown as string })).toThrowError(invalidArgument);
    expect(() => deadLetter(undefined as unknown as string)).toThrowError(invalidArgument);
  });
});

describe("createBroker", () => {
  test("rejects an object that is not a driver", () => {
    expect(() => createBroker({ driver: { name: "made up" } })).toThrowError(invalidArgument);
    expect(() => createBroker(undefined as never)).toThrowError(invalidArgument);
  });

  test("ignores an error of onError", async () => {
    const queue = defineQueue({ name: "q", payload, retryDelaysMs: [] });
    const reported: unknown[] = [];
    const onError = (error: unknown, context: unknown) => {
      reported.push([String(error), context]);
      throw new Error("the logger is broken");
    };
    await using broker = createBroker({ driver: memoryDriver(), onError });
    await broker.consume(queue, () => Promise.reject(new Error("boom")));
    await broker.publish(queue, {}, { id: "m" });
    await expect.poll(() => broker.deadLetters(queue)).toHaveLength(1);
    expect(reported).toEqual([["Error: boom", { queue: "q", messageId: "m" }]]);
  });
});

describe("QueueError.is", () => {
  test("recognizes errors of the package, also by code", () => {
    const error: unknown = new QueueError("TIMEOUT", "late", { queue: "q", indeterminate: true });
    expect([QueueError.is(error), QueueError.is(error, "TIMEOUT"), QueueError.is(error, "CLOSED")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(error).toMatchObject({ name: "QueueError", code: "TIMEOUT", queue: "q", indeterminate: true });
    expect(error).not.toHaveProperty("messageId");
  });

  test("recognizes errors of another copy of the package, but not similar objects", async () => {
    // @ts-expect-error: with a query, Node loads a second copy of the module
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
