import { randomBytes } from "node:crypto";
import { type Channel, connect } from "amqplib";
import { inject, onTestFinished } from "vitest";
import { z } from "zod";
import type {} from "../../../test/servers/provided.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { type Broker, type BrokerEvent, createBroker, defineQueue, type QueueDefinition } from "../src/index.js";
import { type RabbitmqDriverOptions, rabbitmqDriver } from "../src/rabbitmq.js";

/** Returns a unique prefix of queue names. */
export function freshPrefix(): string {
  return `${inject("testPrefix")}${randomBytes(4).toString("hex")}.`;
}

/** Opens an amqplib channel. It is closed after the test. */
export async function openChannel(url: string) {
  const connection = await connect(url);
  connection.on("error", () => {});
  onTestFinished(async () => void (await connection.close().catch(() => undefined)));
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => {});
  return channel;
}

/** Starts a TCP proxy to a broker. A test can cut, shut and freeze its connections. It is closed after the test. */
export async function proxyTo(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  target.port ||= "5672";
  const proxy = await startTcpProxy({ url: target.href });
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Channels for deletions, by address. All tests of this process share them. */
const cleaners = new Map<string, Promise<readonly Channel[]>>();
const DELETIONS_AT_ONCE = 4;

async function openCleaner(url: string): Promise<readonly Channel[]> {
  const connection = await connect(url);
  connection.on("error", () => {}).once("close", () => cleaners.delete(url));
  return Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, () => connection.createChannel()));
}

/** Deletes these queues with their dead-letter queues and wait queues. */
export async function deleteQueues(url: string, prefix: string, queues: readonly QueueDefinition[]): Promise<void> {
  const cleaner = cleaners.get(url) ?? openCleaner(url);
  cleaners.set(url, cleaner);
  const channels = await cleaner;
  const names = queues.flatMap(({ name, retryDelaysMs }) => [
    name,
    `${name}.dead`,
    ...retryDelaysMs.map((delay) => `${name}.wait.${delay}`),
  ]);
  await Promise.all(names.map((name, n) => channels[n % DELETIONS_AT_ONCE]?.deleteQueue(prefix + name)));
}

export const tasks = defineQueue({
  name: "tasks",
  payload: z.object({ n: z.number(), text: z.string().optional() }),
  retryDelaysMs: [50],
});
export type Tasks = typeof tasks;

export interface Setting {
  readonly prefix: string;
  /** Errors that the brokers passed to `onError`. */
  readonly reported: unknown[];
  /** Events that the brokers passed to `onEvent`. */
  readonly events: BrokerEvent[];
  /** Creates a broker. It is closed after the test. */
  broker(options?: Partial<RabbitmqDriverOptions>): Broker;
}

/** Prepares brokers with unique queues on the server at `url`. Closes and deletes them after the test. */
export function onServer(url: string): Setting {
  const prefix = freshPrefix();
  const reported: unknown[] = [];
  const events: BrokerEvent[] = [];
  onTestFinished(() => deleteQueues(url, prefix, [tasks]));
  const broker = (options: Partial<RabbitmqDriverOptions> = {}) => {
    const driver = rabbitmqDriver({ url, prefix, timeoutMs: 30_000, ...options });
    const opened = createBroker({
      driver,
      onError: (error) => reported.push(error),
      onEvent: (event) => events.push(event),
    });
    onTestFinished(() => opened.close({ graceMs: 0 }));
    return opened;
  };
  return { prefix, reported, events, broker };
}
