import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { createBroker, defineQueue, QueueError } from "../src/index.js";
import { decodePayload } from "../src/lib/payload.js";
import { toEnvelope, toProperties } from "../src/lib/rabbitmq/amqp-message.js";
import { readEntry } from "../src/lib/relay.js";
import { memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number(), text: z.string().optional() }) });

const prototypeKeys = Reflect.ownKeys(Object.prototype);
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeKeys);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test.each<[string, () => unknown]>([
  ["an object without a string conversion", () => Object.create(null)],
  ["a symbol", () => Symbol("no")],
  ["undefined", () => undefined],
  ["an error whose message is not a string", () => Object.assign(new Error("x"), { message: Object.create(null) })],
  [
    "an error whose message throws",
    () =>
      Object.defineProperty(new Error("x"), "message", {
        get() {
          throw new Error("no");
        },
      }),
  ],
])("a handler that throws %s fails its message without other effects", async (_name, thrown) => {
  const queue = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });
  await using broker = createBroker({ driver: memoryDriver() });
  await broker.consume(queue, async () => {
    throw thrown();
  });
  await broker.publish(queue, 1);
  await expect.poll(() => broker.deadLetters(queue)).toMatchObject([{ reason: expect.stringMatching(/./) }]);
});

test.each<[string, unknown]>([
  ["no reason", { kind: "deadLetter" }],
  ["a reason that is a symbol", { kind: "deadLetter", reason: Symbol("no") }],
  ["an invalid delay", { kind: "retry", afterMs: Number.NaN }],
])("a hand-written verdict with %s counts as a failure", async (_name, verdict) => {
  const queue = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });
  const reported: unknown[] = [];
  await using broker = createBroker({ driver: memoryDriver(), onError: (error) => reported.push(error) });
  await broker.consume(queue, async () => verdict as never);
  await broker.publish(queue, 1);
  await expect.poll(() => broker.deadLetters(queue)).toHaveLength(1);
  expect(reported).toMatchObject([{ code: "INVALID_ARGUMENT" }]);
});

test("null counts as no options", async () => {
  const none = null as never;
  await using broker = createBroker({ driver: memoryDriver() });
  await broker.publish(tasks, { n: 1 }, none);
  const consumer = await broker.consume(tasks, async () => {}, none);
  await consumer.close(none);
  expect(await broker.deadLetters(tasks, none)).toEqual([]);
  expect(await broker.redrive(tasks, none)).toBe(0);
  expect(await broker.discard(tasks, none)).toBe(0);
  expect(await broker.health(none)).toMatchObject({ status: "healthy" });
  await broker.close(none);
});

/** Text with any UTF-16 code units, also unpaired surrogates. */
const text = fc.uint16Array({ maxLength: 20 }).map((units) => String.fromCharCode(...units));

const names = fc.oneof(fc.constantFrom("__proto__", "constructor", "toString", "reason", "time", "value", "!"), text);
/** Decoded AMQP table. Its objects can have any names. */
const table: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(
  names,
  fc.letrec((tie) => ({
    field: fc.oneof(
      { depthSize: "small" },
      text,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.array(tie("field"), { maxLength: 3 }),
      fc.dictionary(names, tie("field"), { maxKeys: 4 }),
    ),
  })).field,
);
const death = fc.record(
  {
    reason: fc.oneof(fc.string(), table),
    time: fc.oneof(fc.record({ "!": fc.constant("timestamp"), value: fc.oneof(fc.maxSafeNat(), table) }), table),
  },
  { requiredKeys: ["reason"] },
);
const ours = fc.record(
  {
    "x-subtitles-attempt": fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String)),
    "x-subtitles-version": fc.string(),
    "x-subtitles-published-at": fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String)),
    "x-subtitles-errors": fc.oneof(fc.string(), fc.json()),
    "x-subtitles-reason": fc.string(),
    "x-subtitles-dead-at": fc.string(),
    "x-death": fc.oneof(fc.array(fc.oneof(death, table), { maxLength: 2 }), table, fc.string()),
  },
  { requiredKeys: [] },
);
const message = fc.record({
  content: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  properties: fc.record({
    messageId: fc.oneof(text, fc.constant(undefined), table),
    timestamp: fc.oneof(fc.maxSafeNat(), fc.constant(2 ** 64), fc.constant(undefined), table),
    headers: fc.oneof(
      fc.constant(undefined),
      fc.tuple(table, ours).map(([any, own]) => ({ ...any, ...own })),
    ),
  }),
});

test("any message of another client can be read and published again", () => {
  fc.assert(
    fc.property(message, (untrusted) => {
      const envelope = toEnvelope(untrusted as unknown as Parameters<typeof toEnvelope>[0]);
      expect(envelope.id).not.toBe("");
      for (const at of [envelope.publishedAt, envelope.death?.at ?? 0]) {
        expect(new Date(at).getTime()).toBe(at);
      }
      expect(Number.isSafeInteger(envelope.attempt) && envelope.attempt >= 1).toBe(true);
      const { timestamp } = toProperties(envelope);
      expect(timestamp === undefined || Number.isSafeInteger(timestamp)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

/** Valid JSON with some of its bytes changed. */
const mutated = fc
  .tuple(fc.json(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
  .map(([json, changes]) => {
    const bytes = Buffer.from(json);
    for (const [index, byte] of changes) if (bytes.length > 0) bytes[index % bytes.length] = byte;
    return bytes.toString("utf8");
  });

test("decodePayload returns a payload or a short problem for any body, and never throws", () => {
  const body = fc.oneof(mutated, fc.json(), text, fc.constant("[".repeat(200_000)));
  fc.assert(
    fc.property(body, fc.nat(5), (text, version) => {
      const decoded = decodePayload(tasks, { body: text, version });
      if ("problem" in decoded) expect(decoded.problem.length).toBeLessThan(2_000);
      else expect(typeof decoded.payload.n).toBe("number");
    }),
    { numRuns: 200 },
  );
});

test("readEntry returns an entry or a problem for any payload and headers", () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true });
  const headers = fc.dictionary(names, fc.string()) as fc.Arbitrary<Record<string, string>>;
  fc.assert(
    fc.property(anything, headers, (payload, given) => {
      const read = readEntry(tasks, { entryId: "1-0", id: "a", queue: "tasks", payload, headers: given });
      expect("problem" in read || "payload" in read).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("publish returns a receipt or rejects with an error of the package that does not quote the payload", async () => {
  const broker = createBroker({ driver: memoryDriver() });
  const secret = "s3cret-of-a-payload";
  const anything = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withBoxedValues: true }),
    fc.record({ n: fc.anything(), text: fc.constant(secret), password: fc.constant(secret) }),
  );
  await fc.assert(
    fc.asyncProperty(anything, fc.anything(), fc.anything(), async (payload, id, headers) => {
      const published = broker.publish(tasks, payload as never, { id, headers } as never);
      const error = await published.then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error === null) return;
      if (!QueueError.is(error)) throw error;
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(secret);
      expect(error.message.length).toBeLessThan(2_000);
    }),
    { numRuns: 300 },
  );
  await broker.close();
});
