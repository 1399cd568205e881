import type { QueueStats } from "./broker.js";
import type { BrokerEvent } from "./broker-event.js";
import type { QueueDefinition } from "./definition.js";

/**
 * The seam between the core and a place where messages live. The core checks arguments, reads payloads, decides about
 * retries and makes errors; a driver moves strings and answers unions. No method of a session rejects or throws: whatever
 * goes wrong is an answer. The comments here are the specification, and the suite in `contract/` holds a driver to it.
 */
export interface Driver extends QueueDriver {
  /**
   * One session per broker. Opens nothing yet: connections are made when first needed and kept from then on.
   *
   * @param report for what goes wrong while nobody waits for an answer: a lost connection, a queue that cannot be
   *   declared again
   * @param tell for what is right again
   */
  open(report: (failure: Failure, queue?: string) => void, tell: (event: BrokerEvent) => void): Session;
}

/** What users see of a driver: made by `memoryDriver` or `rabbitmqDriver`, handed to `createBroker`. */
export interface QueueDriver {
  /** For health: "rabbitmq", "memory". */
  readonly name: string;
}

/** All that a driver needs to know of a queue. */
export type QueueShape = Pick<QueueDefinition, "name" | "retryDelaysMs" | "type" | "deliveryLimit" | "declare">;

/** A message as it is stored: ready-made text and what travels beside it. */
export interface Envelope {
  /** 1–255 bytes. */
  readonly id: string;
  /** JSON text, 16 MiB at most. */
  readonly body: string;
  /** Reason why the body of a received message is not text, as a full sentence. Absent: it is text. */
  readonly unreadable?: string;
  /**
   * Received message in the driver's own form. Copies contain it, so that a message of another client keeps its bytes and
   * properties. Absent on a new message.
   */
  readonly original?: object;
  /** Of the body, from 1. A copy keeps it. */
  readonly version: number;
  /** The user's headers, and nothing else. They arrive exactly as they were given. */
  readonly headers: Readonly<Record<string, string>>;
  /** From 1. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** Why earlier attempts failed, oldest first. Bounded by the core. */
  readonly errors: readonly string[];
  /** Only among the dead letters: why, and when (milliseconds since 1970). */
  readonly death: { readonly reason: string; readonly at: number } | null;
}

/** Where a message goes: to the consumers, to the consumers after one of the queue's declared delays, or to the dead letters. */
export type Place = "ready" | { readonly afterMs: number } | "dead";

/** What becomes of a dead letter: "stop" keeps it, and is not shown another. Does not reject. */
export type Visit = (letter: Envelope) => Promise<"keep" | "remove" | "stop">;

/** A driver at work for one broker. */
export interface Session {
  /** How long the broker leaves a message in hand unsettled, in milliseconds, before it takes it back; null: for ever. */
  readonly ackTimeoutMs: number | null;

  /**
   * Stores a message. Answers ok only once it is stored durably and in its queue. Bounded in time by the driver's setting,
   * reconnects included. Messages of one queue that are handed over one after the other, without waiting, keep that order
   * as long as no connection is lost. A message that the broker refuses harms no other.
   */
  publish(queue: QueueShape, envelope: Envelope, place: Place): Promise<Answer>;

  /**
   * Hands messages to `subscriber`, at most `prefetch` unsettled ones at a time, until stopped. Answers once messages can
   * flow. After an interruption it goes on by itself; what was in hand then is no longer live, and arrives again.
   */
  consume(
    queue: QueueShape,
    subscriber: Subscriber,
    options: { readonly prefetch: number },
  ): Promise<Answer<Subscription>>;

  /** `unacked` is null if the driver cannot know. */
  stats(queue: QueueShape): Promise<Answer<QueueStats>>;

  /**
   * The oldest dead letters, at most `limit`, left where they are and in their order: looking does not wear letters out.
   * Bounded in time as a whole.
   */
  listDead(queue: QueueShape, limit: number): Promise<Answer<readonly Envelope[]>>;

  /**
   * Shows the dead letters, oldest first, each once, and does with each what `visit` answers. Begins visits in order, at
   * most `atOnce` at a time; after a "stop" it begins no other. No letter is lost if the session breaks down midway. Ends
   * after those that were there at the start. As long as the visits take, but no single question to the broker takes longer
   * than the driver's setting.
   */
  visitDead(queue: QueueShape, visit: Visit, options: { readonly atOnce: number }): Promise<Answer>;

  /** Removes messages that are ready or waiting for a retry; not those in hand, nor dead letters. Answers how many. */
  purge(queue: QueueShape): Promise<Answer<number>>;

  /** Answers within `timeoutMs`. */
  health(timeoutMs: number): Promise<DriverHealth>;

  /** Waits up to `graceMs` for publishes under way, then disconnects. Settles soon after `graceMs`, whatever the broker does. */
  close(graceMs: number): Promise<void>;
}

/** Who gets a queue's messages: the core's consumer. */
export interface Subscriber {
  /** Does not wait: the delivery is settled later. */
  receive(delivery: Delivery): void;
  /**
   * Called after an interruption, before the first delivery. Unacknowledged messages are about to be delivered again.
   */
  resumed(): void;
}

/** A subscriber's hold on a queue. */
export interface Subscription {
  /** No delivery arrives after this settles; those in hand can still be settled. */
  stop(): Promise<void>;
  /** Gives back what is still unsettled. */
  close(): Promise<void>;
}

/** A message in hand. */
export interface Delivery {
  /** As it was published, or as its last copy was. */
  readonly envelope: Envelope;
  /** It was in someone's hands before. */
  readonly redelivered: boolean;
  /** False once the broker no longer counts it as in our hands: settling it does nothing, and the message arrives again. */
  readonly live: boolean;
  /** `ack` removes the message, `release` has it delivered again. A second call, or one that comes too late, does nothing. */
  settle(how: "ack" | "release"): void;
}

/** What a driver tells of itself: see `QueueHealth`. */
export interface DriverHealth {
  /** Milliseconds for a question and its answer; null if there was none. */
  readonly latencyMs: number | null;
  /** The broker takes no messages for now. */
  readonly blocked: boolean;
  /** Messages sent and not yet confirmed. */
  readonly pendingConfirms: number;
  /** Connections lost and replaced since the session was opened. */
  readonly reconnects: number;
  /** What did no harm and should be known, in plain words. */
  readonly warnings: readonly string[];
  /** Why the broker cannot be used now; null: it can. */
  readonly fault: string | null;
}

/** What a session's methods answer, since none of them throws. */
export type Answer<T = void> = { readonly ok: true; readonly value: T } | Failure;

/** `indeterminate`: the message may have been stored although no confirm came. Reasons are plain words without secrets. */
export type Failure =
  | { readonly ok: false; readonly failure: "unavailable"; readonly reason: string; readonly indeterminate: boolean }
  | { readonly ok: false; readonly failure: "timeout"; readonly reason: string; readonly indeterminate: boolean }
  /** The broker denied the call because of a missing permission. A repeated call would fail too. Nothing was stored. */
  | { readonly ok: false; readonly failure: "denied"; readonly reason: string }
  | { readonly ok: false; readonly failure: "closed"; readonly indeterminate: boolean }
  | { readonly ok: false; readonly failure: "unroutable" }
  | { readonly ok: false; readonly failure: "too large"; readonly reason: string }
  | { readonly ok: false; readonly failure: "mismatch"; readonly mismatch: Mismatch }
  | { readonly ok: false; readonly failure: "missing"; readonly missing: Missing };

/** Queues that operators create (`declare: false`) and that do not exist. */
export interface Missing {
  /** Their names on the broker; at least one. */
  readonly queues: readonly string[];
  /** Command that creates all of them. */
  readonly command: string;
}

/** A queue that exists with other settings: all of those that differ. */
export interface Mismatch {
  /** Its name on the broker. */
  readonly queue: string;
  /** At least one. */
  readonly differences: readonly Difference[];
}

/** A setting of a queue that exists and the one that its definition asks for, in words. */
export interface Difference {
  /** The setting's name: "x-delivery-limit", "durable". */
  readonly argument: string;
  /** As the broker has it. */
  readonly found: string;
  /** As the definition has it. */
  readonly wanted: string;
}

/** The answer that says no more than ok. */
export const done: Answer = { ok: true, value: undefined };

export function isDriver(value: unknown): value is Driver {
  return typeof value === "object" && value !== null && "open" in value && typeof value.open === "function";
}
