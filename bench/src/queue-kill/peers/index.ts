import type { Peer } from "../peer.js";

/** By name. Each process loads the one that it is about. */
export const peers: Readonly<Record<string, () => Promise<Peer>>> = {
  "@subtitles/queue": async () => (await import("./ours.js")).ours,
  amqplib: async () => (await import("./amqplib.js")).amqplib,
  "amqplib, recovery": async () => (await import("./amqplib.js")).amqplibRecovery,
  "amqp-connection-manager": async () => (await import("./connection-manager.js")).connectionManager,
  "rabbitmq-client": async () => (await import("./rabbitmq-client.js")).rabbitmqClient,
  rascal: async () => (await import("./rascal.js")).rascal,
};

/** The one that the figures are to speak for. */
export const OURS = "@subtitles/queue";
