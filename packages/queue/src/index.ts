export { createBroker } from "./lib/broker.js";
export type { Json, JsonOnly, NotStorable, QueueDefinition, Storable, Upcasts } from "./lib/definition.js";
export { defineQueue } from "./lib/definition.js";
export type {
  ArgumentDifference,
  BrokerEvent,
  DeadLetterVisitor,
  Delivery,
  Destination,
  Driver,
  DriverHealth,
  Envelope,
  Failure,
  MissingQueues,
  QueueConfig,
  QueueDriver,
  QueueStats,
  Result,
  Session,
  Settlement,
  Subscriber,
  Subscription,
  TopologyMismatch,
} from "./lib/driver.js";
export { QueueError, type QueueErrorCode, type QueueErrorFields } from "./lib/errors.js";
export { message } from "./lib/publish.js";
export { createRelay, type Relay, type RelayEntry, type RelayOutbox } from "./lib/relay.js";
export { deadLetter, postpone, retry } from "./lib/settlement.js";
export type * from "./lib/types.js";
