import type { Library } from "../library.js";

/** Libraries by name. Each process loads only the library that it uses. */
export const libraries: Readonly<Record<string, () => Promise<Library>>> = {
  "@subtitles/queue": async () => (await import("./ours.js")).ours,
  amqplib: async () => (await import("./amqplib.js")).amqplib,
  "amqplib, recovery": async () => (await import("./amqplib.js")).amqplibRecovery,
  "amqp-connection-manager": async () => (await import("./connection-manager.js")).connectionManager,
  "rabbitmq-client": async () => (await import("./rabbitmq-client.js")).rabbitmqClient,
  rascal: async () => (await import("./rascal.js")).rascal,
};

/** Name of the library of this project. */
export const OURS = "@subtitles/queue";
