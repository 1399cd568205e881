export type { QueueDriver } from "./lib/driver.js";
export type { RabbitmqDriverOptions, TlsOptions } from "./lib/rabbitmq/options.js";
export { rabbitmqDriver } from "./lib/rabbitmq/rabbitmq-driver.js";
