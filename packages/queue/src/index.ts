export type { Broker, ConsumeOptions, Consumer, DeadLetter, QueueHealth, QueueStats } from "./lib/broker.js";
export { createBroker } from "./lib/create-broker.js";
export { defineQueue, type JsonOnly, type QueueDefinition, type Storable } from "./lib/definition.js";
export type { QueueDriver } from "./lib/driver.js";
export { QueueError, type QueueErrorCode, type QueueErrorFields } from "./lib/errors.js";
export { type Handler, type Message, message, type PublishOptions } from "./lib/message.js";
export { createRelay, type Relay, type RelayEntry, type RelayOutbox } from "./lib/relay.js";
export { deadLetter, retry, type Verdict } from "./lib/verdict.js";
