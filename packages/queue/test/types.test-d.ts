import {
  type Broker,
  createBroker,
  createRelay,
  deadLetter,
  defineQueue,
  type Message,
  message,
  QueueError,
  type QueueErrorCode,
  type RelayOutbox,
  retry,
} from "@subtitles/queue";
import { memoryDedupe, memoryDriver } from "@subtitles/queue/memory";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

interface Film {
  readonly title: string;
  readonly year?: number | undefined;
  readonly tags: readonly string[];
}
const films = defineQueue({
  name: "films",
  payload: z.object({ title: z.string(), year: z.number().optional(), tags: z.array(z.string()).default([]) }),
});
const broker: Broker = createBroker({ driver: memoryDriver() });

test("defineQueue accepts schemas whose output is JSON and a valid input", () => {
  defineQueue({ name: "q", payload: z.custom<Film>() });
  defineQueue({
    name: "q",
    payload: z.discriminatedUnion("kind", [z.object({ kind: z.literal("a"), n: z.number().nullable() })]),
  });
  defineQueue({
    name: "q",
    payload: z.record(z.string(), z.array(z.boolean())),
    retryDelaysMs: undefined,
    type: "classic",
  });
  // @ts-expect-error a Date becomes a string
  defineQueue({ name: "q", payload: z.object({ at: z.date() }) });
  // @ts-expect-error JSON has no bigint
  defineQueue({ name: "q", payload: z.object({ n: z.bigint() }) });
  // @ts-expect-error a Map becomes {}
  defineQueue({ name: "q", payload: z.object({ map: z.map(z.string(), z.string()) }) });
  // @ts-expect-error the output, a number, is not a valid input
  defineQueue({ name: "q", payload: z.object({ n: z.string().transform(Number) }) });
  defineQueue({
    name: "q",
    payload: z.string(),
    version: 2,
    upcast: {
      1: (old) => {
        expectTypeOf(old).toEqualTypeOf<unknown>();
        return String(old);
      },
    },
  });
  // @ts-expect-error an old payload has the type unknown
  defineQueue({ name: "q", payload: z.string(), version: 2, upcast: { 1: (old: { text: string }) => old.text } });
  defineQueue({ name: "q", payload: z.json(), deliveryLimit: undefined, declare: false });
  // @ts-expect-error no such type of queue
  defineQueue({ name: "q", payload: z.string(), type: "stream" });
});

test("publish accepts the input of the schema", () => {
  void broker.publish(films, { title: "Sintel" });
  void broker.publish(films, { title: "Sintel", tags: ["short"] }, { id: undefined, headers: { traceparent: "…" } });
  // @ts-expect-error the title is missing
  void broker.publish(films, {});
  // @ts-expect-error a title is a string
  void broker.publish(films, { title: 1 });
  // @ts-expect-error headers are strings
  void broker.publish(films, { title: "Sintel" }, { headers: { n: 1 } });
  expectTypeOf(broker.publish(films, { title: "Sintel" })).resolves.toEqualTypeOf<{ readonly id: string }>();
  // @ts-expect-error every payload of many is checked
  void broker.publishMany(films, [{ payload: { title: "Sintel" } }, { payload: {} }]);
});

test("a handler receives the output of the schema", () => {
  void broker.consume(films, async ({ payload, headers, signal }) => {
    expectTypeOf(payload).toEqualTypeOf<{ title: string; year?: number | undefined; tags: string[] }>();
    expectTypeOf(headers).toEqualTypeOf<Readonly<Record<string, string>>>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
  });
  void broker.consume(films, async ({ attempt }) =>
    attempt > 1 ? deadLetter("enough") : retry({ afterMs: undefined }),
  );
  const handler = async (received: Message<typeof films>) => {
    if (received.lastAttempt) return deadLetter("enough");
    return undefined;
  };
  void broker.consume(films, handler, { concurrency: undefined, prefetch: 2 });
  // @ts-expect-error a number is not a verdict
  void broker.consume(films, async () => 1);
  // @ts-expect-error the payload has no such property
  void broker.consume(films, async ({ payload }) => void payload.nothing);
});

test("a message fits the outbox of any store", () => {
  interface OutboxMessage {
    readonly queue: string;
    readonly payload: unknown;
    readonly id?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly delayMs?: number;
  }
  expectTypeOf(message(films, { title: "Sintel" }, { delayMs: 1000 })).toExtend<OutboxMessage>();
  // @ts-expect-error the payload is checked as in publish
  message(films, { name: "Sintel" });
  // @ts-expect-error only an outbox can delay a message
  void broker.publish(films, { title: "Sintel" }, { delayMs: 1000 });
});

test("a relay accepts any outbox with the methods", () => {
  interface StoreOutbox {
    read(options?: {
      readonly limit?: number;
      readonly waitMs?: number;
      readonly claimMs?: number;
      readonly signal?: AbortSignal;
    }): Promise<
      readonly {
        readonly entryId: string;
        readonly jobId: string;
        readonly at: Date;
        readonly id: string;
        readonly queue: string;
        readonly payload: unknown;
        readonly headers: Readonly<Record<string, string>>;
      }[]
    >;
    ack(entryIds: readonly string[]): Promise<void>;
    reject(entryIds: readonly string[], reason: string): Promise<void>;
  }
  expectTypeOf<StoreOutbox>().toExtend<RelayOutbox>();
  const outbox = {} as StoreOutbox;
  expectTypeOf(createRelay({ outbox, broker, queues: [films], onError: undefined }).published).toEqualTypeOf<number>();
  // @ts-expect-error ack is missing
  createRelay({ outbox: { read: outbox.read }, broker, queues: [films] });
});

test("a dedupe store is any object with the methods", () => {
  class RedisStore {
    readonly prefix = "seen:";
    async seen(key: string): Promise<boolean> {
      return key.startsWith(this.prefix);
    }
    async remember(_key: string): Promise<void> {}
  }
  void broker.consume(films, async () => {}, { dedupe: new RedisStore() });
  void broker.consume(films, async () => {}, { dedupe: memoryDedupe({ max: 10, ttlMs: undefined }) });
  // @ts-expect-error remember is missing
  void broker.consume(films, async () => {}, { dedupe: { seen: async () => true } });
});

test("errors narrow by code", () => {
  const error: unknown = new Error();
  if (QueueError.is(error)) expectTypeOf(error.code).toEqualTypeOf<QueueErrorCode>();
  if (QueueError.is(error, "TIMEOUT")) expectTypeOf(error.code).toEqualTypeOf<"TIMEOUT">();
  // @ts-expect-error no such code
  QueueError.is(error, "TOO_LATE");
});

test("options", () => {
  rabbitmqDriver({ url: ["amqp://a", "amqps://b"], prefix: undefined });
  rabbitmqDriver({ url: "amqps://a", tls: { ca: Buffer.from("…"), cert: undefined }, ackTimeoutMs: 1 });
  // @ts-expect-error certificates are always verified
  rabbitmqDriver({ url: "amqps://a", tls: { rejectUnauthorized: false } });
  memoryDriver({ maxMessages: undefined }).faults.loseAcks();
  void broker.redrive(films, { limit: undefined, ids: ["a"], perSecond: 5 });
  void broker.discard(films, { limit: undefined, ids: ["a"] });
  // @ts-expect-error url is missing
  rabbitmqDriver({});
  // @ts-expect-error driver is missing
  createBroker({});
  expectTypeOf(broker[Symbol.asyncDispose]).returns.toExtend<PromiseLike<void>>();
});
