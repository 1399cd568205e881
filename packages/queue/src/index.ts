export type { Broker, ConsumeOptions, Consumer, DeadLetter, QueueHealth, QueueStats } from "./lib/broker.js";
export type { BrokerEvent } from "./lib/broker-event.js";
export { createBroker } from "./lib/create-broker.js";
export type { Dedupe } from "./lib/dedupe.js";
export type { Json, JsonOnly, NotStorable, QueueDefinition, Storable } from "./lib/definition.js";
export { defineQueue } from "./lib/definition.js";
export type {
  Answer,
  Delivery,
  Difference,
  Driver,
  DriverHealth,
  Envelope,
  Failure,
  Mismatch,
  Place,
  QueueDriver,
  QueueShape,
  Session,
  Subscriber,
  Subscription,
  Visit,
} from "./lib/driver.js";
export { QueueError, type QueueErrorCode, type QueueErrorFields } from "./lib/errors.js";
export type { Upcasts } from "./lib/evolution.js";
export { type Handler, type Message, message, type PublishOptions } from "./lib/message.js";
export { createRelay, type Relay, type RelayOutbox } from "./lib/relay.js";
export type { RelayEntry } from "./lib/relay-entry.js";
export { deadLetter, retry, type Verdict } from "./lib/verdict.js";
