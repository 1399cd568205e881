import type { $ZodType, input, output } from "zod/v4/core";
import { checkDuration, checkWhole, invalid, show } from "./arguments.js";
import { LATEST_VERSION, type Upcasts, versionOf } from "./evolution.js";

/** A queue as its publishers and consumers know it: made by `defineQueue`. */
export interface QueueDefinition {
  /** Without the driver's prefix. */
  readonly name: string;
  /** The zod schema that every payload is read by, when published and when consumed. */
  readonly payload: $ZodType;
  /** One delay per retry, in milliseconds; after the last, the message is dead-lettered. */
  readonly retryDelaysMs: readonly number[];
  /** How RabbitMQ stores it. */
  readonly type: "quorum" | "classic";
  /** Of the payload's schema. Absent: 1. */
  readonly version?: number;
  /** For older payloads that are still waiting somewhere. */
  readonly upcast?: Upcasts;
  /** Number of times that RabbitMQ returns a message to a quorum queue before it dead-letters it. Absent: 20. */
  readonly deliveryLimit?: number;
  /** False for a queue that operators create: the driver only checks that it exists. Absent: true. */
  readonly declare?: boolean;
}

/** A value that JSON can represent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** T if it is JSON all the way down, interfaces included; a Date, function, Map, bigint or symbol in it becomes never. */
export type JsonOnly<T> = [T] extends [Json]
  ? T // Also ends the recursion for a T that is, or contains, Json itself.
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends
          | bigint
          | symbol
          | Date
          | ((...args: never) => unknown)
          | ReadonlyMap<unknown, unknown>
          | ReadonlySet<unknown>
      ? never
      : { readonly [K in keyof T]: JsonOnly<T[K]> };

/** Type that no schema has. The compiler's error message quotes it, and with it the reason. */
export interface NotStorable<Why extends string> {
  /** Reason why the schema is rejected. */
  readonly "not storable": Why;
}

/** The schema itself if its parsed output is JSON and parses again to itself (no Date, no one-way transform). */
export type Storable<S extends $ZodType> =
  output<S> extends JsonOnly<output<S>>
    ? output<S> extends input<S>
      ? S
      : NotStorable<"its output must be a valid input of the same schema: no one-way transform">
    : NotStorable<"its output must be JSON: no Date, Map, function or unknown (z.json() instead)">;

const DEFAULT_RETRY_DELAYS_MS = [1_000, 10_000, 60_000];
const MOST_RETRIES = 100;
const DEFAULT_DELIVERY_LIMIT = 20;
/** Too large to be reached. */
export const LARGEST_DELIVERY_LIMIT = 2 ** 31 - 1;

/** The delivery limit of a queue, with its default. */
export function deliveryLimitOf({
  deliveryLimit = DEFAULT_DELIVERY_LIMIT,
}: Pick<QueueDefinition, "deliveryLimit">): number {
  return deliveryLimit;
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
/** Names of the queues that stand beside every queue: `q.dead` and `q.wait.1000`. */
const COMPANION = /\.(?:dead|wait\.\d+)$/;

/** A misspelt `retryDelayMs` would leave the default delays, and say nothing. */
const DEFINITION_KEYS: ReadonlySet<string> = new Set([
  "name",
  "payload",
  "retryDelaysMs",
  "type",
  "version",
  "upcast",
  "deliveryLimit",
  "declare",
] satisfies (keyof QueueDefinition)[]);

/**
 * Declares a queue. Pure: opens nothing, so that publishers and consumers share one definition.
 *
 * @throws QueueError INVALID_ARGUMENT for a name, delay or limit that no broker accepts
 */
export function defineQueue<S extends $ZodType>(definition: {
  /**
   * 1–128 of A–Z a–z 0–9 . _ - and not beginning with a dot or `amq.`, nor ending like the queues that belong to every
   * queue (`.dead`, `.wait.1000`).
   */
  readonly name: string;
  /** Schema of the payload. Its output must be JSON and a valid input of the schema; `z.json()` accepts any JSON. */
  readonly payload: S & Storable<S>;
  /**
   * Milliseconds before each retry, 0 to 2,147,483,647; at most 100 of them, none for no retry.
   * @default [1_000, 10_000, 60_000]
   */
  readonly retryDelaysMs?: readonly number[] | undefined;
  /** @default "quorum" (replicated on a cluster, plain durable on one node) */
  readonly type?: "quorum" | "classic" | undefined;
  /**
   * Which version of the payload this schema describes, 1 to 999,999,999. Raise it with every change that payloads already
   * waiting would not survive. A message of a newer version is dead-lettered, so deploy consumers before publishers.
   * @default 1
   */
  readonly version?: number | undefined;
  /**
   * Lifts an older payload to the next version, one function per version from which messages may still come:
   * `{ 1: (old) => ({ ...First.parse(old), language: "en" }) }`. What the last one returns is parsed by `payload`. Where
   * one is missing or throws, the message is dead-lettered with the reason.
   */
  readonly upcast?: Upcasts | undefined;
  /**
   * Number of times that RabbitMQ returns an unacknowledged message to the queue; the next return dead-letters it, with the
   * reason `delivery_limit`. 1 to 2,147,483,647. It stops a message that crashes every consumer. Only quorum queues have
   * it, so it cannot be combined with `type: "classic"`; the memory driver ignores it.
   *
   * A crashed consumer or a lost connection returns all messages that the consumer held, including prefetched messages that
   * no handler has seen, and every RabbitMQ version counts these returns. A consumer that closes returns its messages, too.
   * RabbitMQ 4.3 and later do not count these returns. Earlier versions do. With these, if a message has used half of the
   * limit, a consumer that closes returns it as a confirmed copy at the end of the queue, whose count starts at 0. So closing
   * a consumer never dead-letters a message.
   * @default 20
   */
  readonly deliveryLimit?: number | undefined;
  /**
   * False for a queue that operators create. The driver then only checks that the queue, its dead-letter queue and its wait
   * queues exist, and creates nothing. If one is missing, calls fail with TOPOLOGY_MISMATCH, which names it and shows the
   * command that creates it. RabbitMQ reports the arguments of a queue only to users who may configure it, so these are not
   * checked: create the queues as the command does. `deliveryLimit` must be the limit of the existing queue. The memory
   * driver ignores it.
   * @default true
   */
  readonly declare?: boolean | undefined;
}): QueueDefinition & { readonly payload: S } {
  if (typeof definition !== "object" || definition === null) return invalid("A queue definition must be an object.");
  const misspelt = Object.keys(definition).find((key) => !DEFINITION_KEYS.has(key));
  if (misspelt !== undefined) {
    return invalid(`A queue has no "${misspelt}"; its definition has ${[...DEFINITION_KEYS].join(", ")}.`);
  }
  const complete = {
    name: definition.name,
    payload: definition.payload,
    retryDelaysMs: definition.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS,
    type: definition.type ?? "quorum",
    ...(definition.version !== undefined && { version: definition.version }),
    ...(definition.upcast !== undefined && { upcast: definition.upcast }),
    ...(definition.deliveryLimit !== undefined && { deliveryLimit: definition.deliveryLimit }),
    ...(definition.declare !== undefined && { declare: definition.declare }),
  };
  checkDefinition(complete);
  return Object.freeze({
    ...complete,
    retryDelaysMs: Object.freeze([...complete.retryDelaysMs]),
    ...(complete.upcast !== undefined && { upcast: Object.freeze({ ...complete.upcast }) }),
  });
}

const checked = new WeakSet<object>();

/** Definitions are structural, so one that was not made by `defineQueue` is checked as well, once. */
export function checkDefinition<Q extends QueueDefinition>(queue: Q): Q {
  if (typeof queue !== "object" || queue === null)
    return invalid("A queue is given by its definition: see defineQueue.");
  if (checked.has(queue)) return queue;
  checkQueueName(queue.name);
  if (typeof queue.payload !== "object" || queue.payload === null || !("_zod" in queue.payload)) {
    return invalid(`The payload of queue "${queue.name}" must be a zod 4 schema.`);
  }
  if (!Array.isArray(queue.retryDelaysMs) || queue.retryDelaysMs.length > MOST_RETRIES) {
    return invalid(`retryDelaysMs of queue "${queue.name}" must be an array of at most ${MOST_RETRIES} delays.`);
  }
  for (const delay of queue.retryDelaysMs) checkDuration(delay, "A retry delay in milliseconds");
  if (queue.type !== "quorum" && queue.type !== "classic") {
    return invalid(`The type of queue "${queue.name}" must be "quorum" or "classic", and is ${show(queue.type)}.`);
  }
  checkVersion(queue);
  checkWhole(deliveryLimitOf(queue), `deliveryLimit of queue "${queue.name}"`, 1, LARGEST_DELIVERY_LIMIT);
  if (queue.type === "classic" && queue.deliveryLimit !== undefined) {
    return invalid(
      `Queue "${queue.name}" is of type "classic", which has no deliveryLimit. Remove it, or use type "quorum".`,
    );
  }
  if (queue.declare !== undefined && typeof queue.declare !== "boolean") {
    return invalid(`declare of queue "${queue.name}" must be true or false, and is ${show(queue.declare)}.`);
  }
  if (Object.isFrozen(queue)) checked.add(queue);
  return queue;
}

function checkVersion(queue: QueueDefinition): void {
  const { name, upcast = {} } = queue;
  const version = checkWhole(versionOf(queue), `The version of queue "${name}"`, 1, LATEST_VERSION);
  if (typeof upcast !== "object" || upcast === null) invalid(`upcast of queue "${name}" must be an object.`);
  for (const [from, step] of Object.entries(upcast)) {
    if (!/^[1-9]\d{0,8}$/.test(from) || Number(from) >= version || typeof step !== "function") {
      invalid(
        `upcast of queue "${name}" must hold functions under versions below its own, ${version}: ${show(from)} is none.`,
      );
    }
  }
}

function checkQueueName(name: unknown): void {
  if (typeof name !== "string" || !NAME.test(name) || name.startsWith("amq.")) {
    invalid(`${show(name)} is no queue name: 1 to 128 of A–Z a–z 0–9 . _ - , not beginning with a dot or "amq.".`);
  } else if (COMPANION.test(name)) {
    invalid(`${show(name)} is no queue name: it ends like the dead-letter and wait queues that belong to every queue.`);
  }
}
