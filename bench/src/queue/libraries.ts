import { type Broker, createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { connect as connectManager } from "amqp-connection-manager";
import { type ConfirmChannel, connect } from "amqplib";
import { Connection } from "rabbitmq-client";
import { z } from "zod";
import { payload } from "./rabbitmq.js";

/** Library that publishes to and consumes from its own quorum queue. */
export interface Library extends AsyncDisposable {
  readonly name: string;
  readonly queue: string;
  /** Guarantees for publishing and for consuming, for the tables. */
  readonly guarantees: { readonly publish: string; readonly consume: string };
  publish(id: string): Promise<unknown>;
  /**
   * Starts to consume. Acknowledges each message after `onMessage` has returned.
   *
   * @returns a function that stops the consumer
   */
  consume(prefetch: number, onMessage: () => void): Promise<() => Promise<unknown>>;
}

export const OURS = "queue";
export const AMQPLIB = "amqplib";

const QUORUM = { durable: true, arguments: { "x-queue-type": "quorum" as const } };

export function films(name: string) {
  return defineQueue({ name, payload: z.object({ film: z.string(), text: z.string() }) });
}

export function openBroker(url: string): Broker {
  return createBroker({ driver: rabbitmqDriver({ url }) });
}

export async function openLibraries(url: string): Promise<readonly Library[]> {
  return Promise.all([ours(url), amqplib(url), connectionManager(url), rabbitmqClient(url)]);
}

async function ours(url: string): Promise<Library> {
  const broker = openBroker(url);
  const queue = films("ours");
  await broker.stats(queue);
  return {
    name: OURS,
    queue: queue.name,
    guarantees: {
      publish:
        "validated; confirmed and routed, also after a reconnect; timeout; an invalid message does not affect others",
      consume: "validated; resumes after a reconnect; retries and dead letters; no late acknowledgement",
    },
    publish: (id) => broker.publish(queue, payload, { id }),
    async consume(prefetch, onMessage) {
      const consumer = await broker.consume(queue, async () => onMessage(), { concurrency: prefetch });
      return () => consumer.close();
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

async function amqplib(url: string): Promise<Library> {
  const model = await connect(url, { noDelay: true });
  const channel = await model.createConfirmChannel();
  const queue = "amqplib";
  await channel.assertQueue(queue, QUORUM);
  return {
    name: AMQPLIB,
    queue,
    guarantees: { publish: "confirmed", consume: "none" },
    publish: (id) => send(channel, queue, id),
    async consume(prefetch, onMessage) {
      const receiving = await model.createChannel();
      await receiving.prefetch(prefetch);
      await receiving.consume(queue, (message) => {
        if (message === null) return;
        JSON.parse(message.content.toString());
        onMessage();
        receiving.ack(message);
      });
      return () => receiving.close();
    },
    [Symbol.asyncDispose]: () => model.close(),
  };
}

function send(channel: ConfirmChannel, queue: string, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(JSON.stringify(payload));
    const settle = (error: unknown) => (error ? reject(error) : resolve());
    channel.sendToQueue(queue, body, { persistent: true, messageId: id, contentType: "application/json" }, settle);
  });
}

async function connectionManager(url: string): Promise<Library> {
  const connection = connectManager([url]);
  const queue = "connection-manager";
  const sending = connection.createChannel({
    json: true,
    setup: (channel: ConfirmChannel) => channel.assertQueue(queue, QUORUM),
  });
  await sending.waitForConnect();
  return {
    name: "amqp-connection-manager",
    queue,
    guarantees: { publish: "confirmed; waits for a reconnect", consume: "resumes after a reconnect" },
    publish: (messageId) => sending.sendToQueue(queue, payload, { persistent: true, messageId }),
    async consume(prefetch, onMessage) {
      const receiving = connection.createChannel({ confirm: false });
      await receiving.waitForConnect();
      const handle = (message: { readonly content: Buffer }) => {
        JSON.parse(message.content.toString());
        onMessage();
      };
      await receiving.consume(
        queue,
        (message) => {
          handle(message);
          receiving.ack(message);
        },
        { prefetch },
      );
      return () => receiving.close();
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

async function rabbitmqClient(url: string): Promise<Library> {
  const connection = new Connection(url);
  const queue = "rabbitmq-client";
  const publisher = connection.createPublisher({ confirm: true, maxAttempts: 2, queues: [{ queue, ...QUORUM }] });
  await connection.queueDeclare({ queue, ...QUORUM });
  return {
    name: "rabbitmq-client",
    queue,
    guarantees: {
      publish: "confirmed; a second attempt after a reconnect",
      consume: "resumes after a reconnect; no late acknowledgement",
    },
    publish: (messageId) => publisher.send({ routingKey: queue, durable: true, messageId }, payload),
    async consume(prefetch, onMessage) {
      const consumer = connection.createConsumer(
        { queue, queueOptions: { passive: true }, qos: { prefetchCount: prefetch } },
        async () => onMessage(),
      );
      return () => consumer.close();
    },
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await connection.close();
    },
  };
}
