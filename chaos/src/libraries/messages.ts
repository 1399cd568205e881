import { createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { connect as connectManager } from "amqp-connection-manager";
import { type ConfirmChannel, connect } from "amqplib";
import { z } from "zod";
import type { Library, Observer } from "./measure-library.js";

const QUEUE = "operations";
const ignore = () => {};

/** Consumes all messages without a proxy, so that the faults of the proxy do not affect it, and records their times of arrival. */
export class Consumer implements Observer, AsyncDisposable {
  readonly received: string[] = [];
  readonly #at = new Map<string, number>();
  readonly #url: string;
  #closed = false;
  #close: () => Promise<unknown> = async () => {};

  constructor(url: string) {
    this.#url = url;
  }

  seenAt(op: string): number | undefined {
    return this.#at.get(op);
  }

  /** Starts to consume the existing queue. Reconnects after each lost connection. */
  async open(): Promise<void> {
    try {
      const connection = await connect(this.#url);
      this.#close = () => connection.close().catch(ignore);
      connection.on("error", ignore).on("close", () => this.#reconnect());
      const channel = await connection.createChannel();
      channel.on("error", ignore);
      await channel.consume(QUEUE, (message) => {
        if (message === null) return;
        const op = String(message.properties.messageId);
        this.received.push(op);
        this.#at.set(op, Date.now());
        channel.ack(message);
      });
    } catch {
      this.#reconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#close();
  }

  #reconnect(): void {
    if (!this.#closed) setTimeout(() => void this.open(), 100);
  }
}

/** `@subtitles/queue`: publishes with a confirm, with the operation as message id. */
export async function ownQueue({ url }: { readonly url: string }, consumer: Consumer): Promise<Library> {
  const queue = defineQueue({ name: QUEUE, payload: z.null(), retryDelaysMs: [] });
  const broker = createBroker({ driver: rabbitmqDriver({ url, timeoutMs: 2_000, heartbeatSeconds: 2 }) });
  await broker.publish(queue, null, { id: "first" });
  await consumer.open();
  return {
    name: "queue",
    record: async (op) => void (await broker.publish(queue, null, { id: op })),
    recorded: async () => consumer.received,
    [Symbol.asyncDispose]: () => broker.close({ graceMs: 0 }),
  };
}

/** amqp-connection-manager: publishes persistent messages on a confirm channel. Default options, except for the same heartbeat. */
export async function connectionManager({ url }: { readonly url: string }, consumer: Consumer): Promise<Library> {
  const connection = connectManager([url], { heartbeatIntervalInSeconds: 2 });
  connection.on("disconnect", ignore).on("connectFailed", ignore);
  const channel = connection.createChannel({
    json: true,
    setup: (raw: ConfirmChannel) => raw.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } }),
  });
  channel.on("error", ignore);
  await channel.waitForConnect();
  await consumer.open();
  return {
    name: "amqp-connection-manager 5",
    record: async (op) => void (await channel.sendToQueue(QUEUE, null, { persistent: true, messageId: op })),
    recorded: async () => consumer.received,
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
