import { once } from "node:events";
import { Connection } from "rabbitmq-client";
import { BODY, type Library } from "../library.js";

const ignore = () => {};

export const rabbitmqClient: Library = {
  usage: "createConsumer, and createPublisher with `confirm` and `maxAttempts: 2`",
  async open({ url, type, publishTo, consumeFrom, prefetch, onMessage }) {
    const options = { durable: true, arguments: { "x-queue-type": type } };
    const connection = new Connection(url);
    connection.on("error", ignore);
    const consumer = connection.createConsumer(
      { queue: consumeFrom, queueOptions: options, qos: { prefetchCount: prefetch } },
      ({ messageId }) => onMessage(String(messageId)),
    );
    consumer.on("error", ignore);
    const publisher = connection.createPublisher({
      confirm: true,
      maxAttempts: 2,
      queues: [{ queue: publishTo, ...options }],
    });
    await once(consumer, "ready");
    return {
      publish: (messageId) => publisher.send({ routingKey: publishTo, durable: true, messageId }, BODY),
      async close() {
        await publisher.close();
        await consumer.close();
        await connection.close();
      },
    };
  },
};
