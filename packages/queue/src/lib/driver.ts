import type { QueueDefinition } from "./definition.js";

/**
 * Interface between the core and a message broker. The core checks arguments, parses payloads, decides about retries and
 * creates errors. A driver stores and delivers strings. No method of a session throws or rejects: every failure is a `Result`.
 * These comments are the specification. The conformance tests in `contract/` check a driver against it.
 */
export interface Driver extends QueueDriver {
  /**
   * Opens a session. The core opens one session per broker object. `open` makes no connection: the session connects when a
   * method needs it, and stays connected until `close`.
   *
   * @param onFailure called for failures outside of a call: a lost connection, or a queue that cannot be declared again. `queue`
   *   is the name of the affected queue without prefix
   * @param onEvent called for every established connection
   * @param onAvailable called with false when the session can no longer reach the broker, or can no longer publish because the broker
   *   accepts no messages, and with true when it can again
   */
  open(
    onFailure: (failure: Failure, queue?: string) => void,
    onEvent: (event: BrokerEvent) => void,
    onAvailable: (available: boolean) => void,
  ): Session;
}

/** Public part of a driver. `memoryDriver` or `rabbitmqDriver` creates it, `createBroker` accepts it. */
export interface QueueDriver {
  /** Name of the driver in health reports: "rabbitmq", "memory". */
  readonly name: string;
}

/** Settings of a queue that a driver uses. */
export type QueueConfig = Pick<QueueDefinition, "name" | "retryDelaysMs" | "type" | "deliveryLimit" | "declare">;

/** Message in its stored form. A retry, a dead letter or a redrive is a copy: it is stored before the original is removed. */
export interface Envelope {
  /** Message id, 1–255 bytes. */
  readonly id: string;
  /** Payload as JSON text, at most 16 MiB. */
  readonly body: string;
  /** Reason why the body of a received message is not text, as a full sentence. Absent if it is text. */
  readonly unreadable?: string;
  /**
   * Received message in the driver's own form. Copies contain it, so that a message of another client keeps its bytes and
   * properties. Absent on a new message, and on one that has nothing beyond this envelope.
   */
  readonly original?: object;
  /** Version of the payload, from 1. Copies keep it. */
  readonly version: number;
  /** Opaque text that identifies the change of a job that stored the message. Copies keep it. Absent if the message has none. */
  readonly origin?: string;
  /**
   * Times in milliseconds since 1970: `since`, when the message was postponed first, and `until`, when it is due. Absent if it is not
   * postponed. The core delivers it to no handler before it is due. The driver only stores both times.
   */
  readonly postponed?: { readonly since: number; readonly until: number };
  /** The user's headers and no others. They must be delivered unchanged. */
  readonly headers: Readonly<Record<string, string>>;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Time of the first publish in milliseconds since 1970. Copies keep it. */
  readonly publishedAt: number;
  /** Errors of earlier attempts, oldest first. The core limits their number and length. */
  readonly errors: readonly string[];
  /**
   * Reason and time (milliseconds since 1970) of dead-lettering. Null if the message is not a dead letter. `byBroker` is true if the
   * broker dead-lettered the message by itself.
   */
  readonly death: { readonly reason: string; readonly at: number; readonly byBroker?: true } | null;
}

/**
 * Destination of a message: "ready" for immediate delivery to the consumers, `afterMs` for delivery after one of the queue's
 * retry delays, "dead" for the dead-letter queue.
 */
export type Destination = "ready" | { readonly afterMs: number } | "dead";

/**
 * Function that decides about one dead letter: "keep" leaves it in the queue, "remove" removes it, "stop" leaves it and ends the
 * iteration. Never rejects.
 */
export type DeadLetterVisitor = (letter: Envelope) => Promise<"keep" | "remove" | "stop">;

/**
 * Connection of one broker object to the message broker. A method declares its queue if the queue does not exist. If the definition has
 * `declare: false`, a driver that supports this option only checks that the queue exists.
 */
export interface Session {
  /**
   * Maximum time in milliseconds for which a message can stay unacknowledged before the broker redelivers it. Null if there is
   * no such limit.
   */
  readonly ackTimeoutMs: number | null;

  /**
   * Stores a message. Succeeds only after the message is stored durably in its queue. Ends within the driver's `timeoutMs`,
   * including reconnects. Messages for one queue that are passed without awaiting the previous call keep their order, unless a
   * connection is lost. A message that the broker rejects does not affect other messages.
   */
  publish(queue: QueueConfig, envelope: Envelope, destination: Destination): Promise<Result>;

  /**
   * Delivers messages to `subscriber` until the subscription is stopped. At most `prefetch` messages are unacknowledged at a
   * time. Succeeds when the queue is being consumed. After a connection loss, the session resumes consuming automatically. The
   * deliveries of the lost connection are no longer `live`, and their messages are redelivered.
   */
  consume(
    queue: QueueConfig,
    subscriber: Subscriber,
    options: { readonly prefetch: number },
  ): Promise<Result<Subscription>>;

  /** Counts the messages and consumers of a queue. `unacked` is null if the driver cannot determine it. */
  stats(queue: QueueConfig): Promise<Result<QueueStats>>;

  /**
   * Lists the oldest dead letters, at most `limit`, and leaves them in the queue in their order. Listing must not count towards a
   * delivery limit. The call as a whole ends within the driver's `timeoutMs`.
   */
  listDead(queue: QueueConfig, limit: number): Promise<Result<readonly Envelope[]>>;

  /**
   * Calls `visit` once for each dead letter, oldest first, and applies its decision. Starts the visits in order, at most
   * `concurrency` at a time. After a "stop" it starts no other visit. Ends after the dead letters that existed at the start. No
   * dead letter is lost if the session fails during the call. The call as a whole has no time limit, but each request to the
   * broker ends within the driver's `timeoutMs`.
   */
  visitDead(queue: QueueConfig, visit: DeadLetterVisitor, options: { readonly concurrency: number }): Promise<Result>;

  /** Removes messages that are ready or waiting for a retry. Unacknowledged messages and dead letters stay. Returns the number. */
  purge(queue: QueueConfig): Promise<Result<number>>;

  /** Reports the health of the session within `timeoutMs`. */
  health(timeoutMs: number): Promise<DriverHealth>;

  /**
   * Waits up to `graceMs` for pending publishes, then disconnects. Ends within a few seconds after `graceMs`, even if the broker
   * does not respond. Later calls, and calls that are still pending after `graceMs`, fail with "closed".
   */
  close(graceMs: number): Promise<void>;
}

/** Receiver of a queue's messages. The core implements it. */
export interface Subscriber {
  /** Settlement of messages that arrive after `Subscription.stop`. They are not passed to `receive`. */
  readonly late: "release" | "return";
  /** Accepts a delivery and returns immediately. The delivery is settled later. */
  receive(delivery: Delivery): void;
  /** Called once after each connection loss, when consuming resumes and before the first redelivery. */
  resumed(): void;
  /** Called when consuming was interrupted, for example by a connection loss. `resumed` follows, unless the subscription is stopped. */
  interrupted?(): void;
}

/** Active subscription to a queue. */
export interface Subscription {
  /**
   * Stops deliveries: the subscriber receives none after the call. Unacknowledged ones can still be settled. Resolves when the broker
   * no longer delivers, or when the connection is lost.
   */
  stop(): Promise<void>;
  /**
   * Stops deliveries, waits until returned messages are stored, then ends the subscription and releases all unacknowledged messages.
   * Ends after `limitMs` at the latest, even if the broker does not reply. Can be called again with a shorter limit.
   */
  close(limitMs: number): Promise<void>;
}

/** Delivery of one message to a subscriber. Each redelivery is a new object. */
export interface Delivery {
  /** Message as published, or as last copied for a retry or a redrive. */
  readonly envelope: Envelope;
  /** True if the message was delivered before and not acknowledged. */
  readonly redelivered: boolean;
  /** True until the delivery is settled or its connection is lost. Settling a delivery that is not live has no effect. */
  readonly live: boolean;
  /** Settles the delivery. Only the first call counts. */
  settle(how: Settlement): void;
}

/**
 * Way to settle a delivery:
 * - "ack" removes the message.
 * - "release" makes it available for redelivery, if possible in its place in the queue. A broker with a delivery limit may count it.
 * - "return" makes it available for redelivery, possibly at the end of the queue, and never counts towards a delivery limit. If the
 *   broker fails in this time, the message is released instead.
 */
export type Settlement = "ack" | "release" | "return";

/** Numbers of messages and consumers of a queue. */
export interface QueueStats {
  /** Number of messages that are ready for delivery. */
  readonly ready: number;
  /** Number of unacknowledged messages. Always null on RabbitMQ, which does not report it over AMQP. */
  readonly unacked: number | null;
  /** Number of messages that wait for a retry. */
  readonly delayed: number;
  /** Number of dead letters. */
  readonly dead: number;
  /** Number of attached consumers in all processes. */
  readonly consumers: number;
}

/** Health of a session; see `QueueHealth`. */
export interface DriverHealth {
  /** Duration of a request to the broker in milliseconds; null if no request succeeded. */
  readonly latencyMs: number | null;
  /** True while the broker accepts no messages. */
  readonly blocked: boolean;
  /** Number of messages that were sent and are not confirmed yet. */
  readonly pendingConfirms: number;
  /** Number of connections that were lost and replaced since the session was opened. */
  readonly reconnects: number;
  /** Human-readable descriptions of problems that did not stop the session. */
  readonly warnings: readonly string[];
  /** Human-readable reason why the broker is unavailable; null if it is available. */
  readonly error: string | null;
}

/** Result of a method of a session. */
export type Result<T = void> = { readonly ok: true; readonly value: T } | Failure;

/**
 * Failure of a method of a session. `indeterminate` is true if the message may have been stored although no confirm arrived.
 * Reasons are human-readable, contain no secrets and end without a full stop.
 */
export type Failure =
  /** The broker was unreachable until the timeout, or it rejected the call. */
  | { readonly ok: false; readonly failure: "unavailable"; readonly reason: string; readonly indeterminate: boolean }
  /** The broker was connected and did not reply within the timeout. */
  | { readonly ok: false; readonly failure: "timeout"; readonly reason: string; readonly indeterminate: boolean }
  /** The broker denied the call because of a missing permission. A repeated call would fail too. Nothing was stored. */
  | { readonly ok: false; readonly failure: "denied"; readonly reason: string }
  /** The session was closed before or during the call. */
  | { readonly ok: false; readonly failure: "closed"; readonly indeterminate: boolean }
  /** The queue does not exist on the broker. Nothing was stored. The next call declares the queue again. */
  | { readonly ok: false; readonly failure: "unroutable" }
  /** The message exceeds the size limit of the broker. Nothing was stored. */
  | { readonly ok: false; readonly failure: "too large"; readonly reason: string }
  /** The queue exists with other arguments. */
  | { readonly ok: false; readonly failure: "mismatch"; readonly mismatch: TopologyMismatch }
  /** The definition has `declare: false`, and queues do not exist. */
  | { readonly ok: false; readonly failure: "missing"; readonly missing: MissingQueues };

/** Queues that operators create (`declare: false`) and that do not exist. */
export interface MissingQueues {
  /** Names on the broker, at least one. */
  readonly queues: readonly string[];
  /** Command that creates all of them. */
  readonly command: string;
}

/** Queue that exists with other arguments. */
export interface TopologyMismatch {
  /** Name of the queue on the broker. */
  readonly queue: string;
  /** All arguments that differ, at least one. */
  readonly differences: readonly ArgumentDifference[];
}

/** Argument of an existing queue that differs from the definition. */
export interface ArgumentDifference {
  /** Name of the argument, for example "x-delivery-limit" or "durable". */
  readonly argument: string;
  /** Value on the broker. */
  readonly actual: string;
  /** Value in the definition. */
  readonly expected: string;
}

/** Event for the log that is not an error. Errors are passed to `onError`. */
export interface BrokerEvent {
  /**
   * Type of the event:
   * - connected: a connection was established, the first one or the replacement of a lost one
   */
  readonly type: "connected";
  /** Human-readable description, without secrets. */
  readonly message: string;
  /** Machine-readable description. */
  readonly details: {
    /** Purpose of the connection. RabbitMQ: "publishing" or "consuming"; memory driver: "memory". */
    readonly connection: string;
    /** True if the connection replaces a lost one. */
    readonly again: boolean;
    /** Milliseconds since the previous connection was lost, or since the first one was requested. */
    readonly afterMs: number;
  };
}

/** Creates the event of an established connection. */
export function connectedEvent(
  connection: string,
  { again, afterMs }: Omit<BrokerEvent["details"], "connection">,
): BrokerEvent {
  const roundedMs = Math.round(afterMs);
  return {
    type: "connected",
    message: `Connected${again ? " again" : ""} after ${roundedMs} ms (${connection}).`,
    details: { connection, again, afterMs: roundedMs },
  };
}

/** Creates the warning of a session about messages that were settled after their connection was lost. */
export function lateSettlementWarnings(count: number): readonly string[] {
  if (count === 0) return [];
  return [
    `Late acknowledgements: ${count}. They were sent after their connection was lost, so the messages were redelivered.`,
  ];
}

/** Result of a successful method that returns no value. */
export const done: Result = { ok: true, value: undefined };

export function isDriver(value: unknown): value is Driver {
  return typeof value === "object" && value !== null && "open" in value && typeof value.open === "function";
}
