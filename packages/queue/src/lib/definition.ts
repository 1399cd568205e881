import type { $ZodType, input, output } from "zod/v4/core";
import {
  checkDuration,
  checkInteger,
  checkKeys,
  invalid,
  type KeysOf,
  RESERVED_HEADER_PREFIX,
  show,
} from "./arguments.js";

/** Definition of a queue, shared by its publishers and consumers. Made by `defineQueue`. */
export interface QueueDefinition {
  /** Name of the queue, without the driver's prefix. */
  readonly name: string;
  /** Zod schema that parses every payload, at publish and at delivery. */
  readonly payload: $ZodType;
  /** Delays before the retries in milliseconds, one per retry. A message that fails after the last retry is dead-lettered. */
  readonly retryDelaysMs: readonly number[];
  /** Queue type in RabbitMQ. */
  readonly type: "quorum" | "classic";
  /** Version of the payload's schema. Absent: 1. */
  readonly version?: number;
  /** Conversions of payloads of older versions. */
  readonly upcast?: Upcasts;
  /** Number of times that RabbitMQ returns a message to a quorum queue before it dead-letters it. Absent: 20. */
  readonly deliveryLimit?: number;
  /** False for a queue that operators create: the driver only checks that it exists. Absent: true. */
  readonly declare?: boolean;
}

/** Functions that convert a payload to the next version. The key is the version that the function accepts. */
export type Upcasts = Readonly<Record<number, (old: unknown) => unknown>>;

/** Value that JSON can represent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Resolves to T if T is JSON at every depth. A Date, function, Map, Set, bigint or symbol inside T becomes never. Interfaces are
 * accepted.
 */
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

/** Type that no schema has. The compiler quotes it in its error message, together with the reason. */
export interface NotStorable<Why extends string> {
  /** Reason why the schema is rejected. */
  readonly "not storable": Why;
}

/** Resolves to the schema if its output is JSON and a valid input of the same schema (no Date, no one-way transform). */
export type Storable<S extends $ZodType> =
  output<S> extends JsonOnly<output<S>>
    ? output<S> extends input<S>
      ? S
      : NotStorable<"its output must be a valid input of the same schema: no one-way transform">
    : NotStorable<"its output must be JSON: no Date, Map, function or unknown (z.json() instead)">;

const DEFAULT_RETRY_DELAYS_MS = [1_000, 10_000, 60_000];
/** Maximum number of retry delays of a queue. */
const MAX_RETRIES = 100;
const DEFAULT_DELIVERY_LIMIT = 20;
/** Maximum delivery limit. No message reaches it. */
export const MAX_DELIVERY_LIMIT = 2 ** 31 - 1;
/** Header with the version of a payload. A payload without it has version 1. */
export const VERSION_HEADER = `${RESERVED_HEADER_PREFIX}version`;
/** Maximum version of a payload. */
export const MAX_VERSION = 999_999_999;

/** Returns the version of a queue's payload, with its default. */
export function versionOf(queue: QueueDefinition): number {
  return queue.version ?? 1;
}

/** Returns the delivery limit of a queue, with its default. */
export function deliveryLimitOf({
  deliveryLimit = DEFAULT_DELIVERY_LIMIT,
}: Pick<QueueDefinition, "deliveryLimit">): number {
  return deliveryLimit;
}

/** Name of a queue. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
/** Endings of the names of dead-letter queues and wait queues: `q.dead` and `q.wait.1000`. */
const RESERVED_ENDING = /\.(?:dead|wait\.\d+)$/;

const DEFINITION_KEYS: KeysOf<QueueDefinition> = {
  name: true,
  payload: true,
  retryDelaysMs: true,
  type: true,
  version: true,
  upcast: true,
  deliveryLimit: true,
  declare: true,
};

/**
 * Declares a queue. Pure function: opens no connection. Publishers and consumers share the definition.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function defineQueue<S extends $ZodType>(definition: {
  /**
   * Name: 1–128 characters A–Z a–z 0–9 . _ - that do not begin with a dot or `amq.`. The endings of dead-letter queues and wait
   * queues (`.dead`, `.wait.1000`) are reserved.
   */
  readonly name: string;
  /** Schema of the payload. Its output must be JSON and a valid input of the schema; `z.json()` accepts any JSON. */
  readonly payload: S & Storable<S>;
  /**
   * Delays before the retries in milliseconds, one per retry: at most 100 delays of 0 to 2,147,483,647. An empty array disables
   * retries. @default [1_000, 10_000, 60_000]
   */
  readonly retryDelaysMs?: readonly number[] | undefined;
  /** Queue type in RabbitMQ, "quorum" or "classic". A quorum queue is replicated on a cluster, and durable on a single node. @default "quorum" */
  readonly type?: "quorum" | "classic" | undefined;
  /**
   * Version of the payload's schema, 1 to 999,999,999. Increase it with every change after which waiting payloads cannot be
   * parsed. A message of a newer version is dead-lettered, so deploy consumers before publishers. @default 1
   */
  readonly version?: number | undefined;
  /**
   * Functions that convert an older payload to the next version, one per version that is still in use:
   * `{ 1: (old) => ({ ...First.parse(old), language: "en" }) }`. The result of the last function is parsed by `payload`. If a
   * function is missing or throws, the message is dead-lettered with the reason.
   */
  readonly upcast?: Upcasts | undefined;
  /**
   * Number of times that RabbitMQ returns an unacknowledged message to the queue; the next return dead-letters it, with the
   * reason `delivery_limit`. 1 to 2,147,483,647. It stops a message that crashes every consumer. Only quorum queues have
   * it, so it cannot be combined with `type: "classic"`; the memory driver ignores it.
   *
   * A crashed consumer or a lost connection returns all unacknowledged messages of the consumer, including prefetched messages
   * that no handler has received, and every RabbitMQ version counts these returns. A consumer that closes also returns its
   * messages. RabbitMQ 4.3 and later do not count these returns. Earlier versions do. With these, if a message has used half of
   * the limit, a consumer that closes returns it as a confirmed copy at the end of the queue, whose count starts at 0. So closing
   * a consumer dead-letters no message that it has received.
   * @default 20
   */
  readonly deliveryLimit?: number | undefined;
  /**
   * False for a queue that operators create. The driver then only checks that the queue, its dead-letter queue and its wait
   * queues exist, and creates nothing. If one is missing, calls fail with TOPOLOGY_MISMATCH, and the error shows the command that
   * creates it. RabbitMQ reports the arguments of a queue only to users with configure permission, so the arguments are not
   * checked: create the queues with that command. `deliveryLimit` must be the limit of the existing queue. The memory driver
   * ignores this option.
   * @default true
   */
  readonly declare?: boolean | undefined;
}): QueueDefinition & { readonly payload: S } {
  if (typeof definition !== "object" || definition === null) return invalid("A queue definition must be an object.");
  checkKeys(definition, DEFINITION_KEYS, "defineQueue");
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

/** Checks a definition. Definitions are structural, so one that `defineQueue` has not made is also checked, once. */
export function checkDefinition<Q extends QueueDefinition>(queue: Q): Q {
  if (typeof queue !== "object" || queue === null) {
    return invalid(`The queue must be a definition made by defineQueue (got ${show(queue)}).`);
  }
  if (checked.has(queue)) return queue;
  checkQueueName(queue.name);
  if (typeof queue.payload !== "object" || queue.payload === null || !("_zod" in queue.payload)) {
    return invalid(`The payload of queue "${queue.name}" must be a zod 4 schema (got ${show(queue.payload)}).`);
  }
  if (!Array.isArray(queue.retryDelaysMs) || queue.retryDelaysMs.length > MAX_RETRIES) {
    return invalid(`\`retryDelaysMs\` of queue "${queue.name}" must be an array of at most ${MAX_RETRIES} delays.`);
  }
  for (const delay of queue.retryDelaysMs)
    checkDuration(delay, `Every delay in \`retryDelaysMs\` of queue "${queue.name}"`);
  if (queue.type !== "quorum" && queue.type !== "classic") {
    return invalid(`The type of queue "${queue.name}" must be "quorum" or "classic" (got ${show(queue.type)}).`);
  }
  checkVersion(queue);
  checkInteger(deliveryLimitOf(queue), `\`deliveryLimit\` of queue "${queue.name}"`, 1, MAX_DELIVERY_LIMIT);
  if (queue.type === "classic" && queue.deliveryLimit !== undefined) {
    return invalid(
      `Queue "${queue.name}" has the type "classic", which has no deliveryLimit. Remove deliveryLimit, or use type "quorum".`,
    );
  }
  if (queue.declare !== undefined && typeof queue.declare !== "boolean") {
    return invalid(`\`declare\` of queue "${queue.name}" must be true or false (got ${show(queue.declare)}).`);
  }
  if (Object.isFrozen(queue)) checked.add(queue);
  return queue;
}

function checkVersion(queue: QueueDefinition): void {
  const { name, upcast = {} } = queue;
  const version = checkInteger(versionOf(queue), `\`version\` of queue "${name}"`, 1, MAX_VERSION);
  if (typeof upcast !== "object" || upcast === null) invalid(`\`upcast\` of queue "${name}" must be an object.`);
  for (const [from, convert] of Object.entries(upcast)) {
    if (!/^[1-9]\d{0,8}$/.test(from) || Number(from) >= version || typeof convert !== "function") {
      invalid(
        `\`upcast\` of queue "${name}" must map versions below ${version} to functions (got the key ${show(from)}).`,
      );
    }
  }
}

function checkQueueName(name: unknown): void {
  if (typeof name !== "string" || !NAME.test(name) || name.startsWith("amq.")) {
    invalid(
      `Invalid queue name ${show(name)}: use 1 to 128 characters A–Z a–z 0–9 . _ - that do not begin with a dot or "amq.".`,
    );
  } else if (RESERVED_ENDING.test(name)) {
    invalid(`Invalid queue name ${show(name)}: the endings .dead and .wait.<number> are reserved.`);
  }
}
