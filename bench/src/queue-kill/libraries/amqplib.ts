import { type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import { BODY, type Library, type Task } from "../library.js";

const ignore = () => {};

/** Declares the queues and starts to consume. Returns the channel for publishing. */
async function setUp(model: ChannelModel, task: Task): Promise<ConfirmChannel> {
  const options = { durable: true, arguments: { "x-queue-type": task.type } };
  const receiving = await model.createChannel();
  receiving.on("error", ignore).on("handler-error", ignore);
  await receiving.prefetch(task.prefetch);
  await receiving.assertQueue(task.consumeFrom, options);
  await receiving.consume(task.consumeFrom, async (message) => {
    if (message === null) return;
    await task.onMessage(String(message.properties.messageId));
    receiving.ack(message);
  });
  const sending = await model.createConfirmChannel();
  sending.on("error", ignore).on("handler-error", ignore);
  await sending.assertQueue(task.publishTo, options);
  return sending;
}

function send(channel: ConfirmChannel, queue: string, messageId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const content = Buffer.from(JSON.stringify(BODY));
    const options = { messageId, persistent: true, contentType: "application/json" };
    channel.sendToQueue(queue, content, options, (error: unknown) => (error ? reject(error) : resolve()));
  });
}

export const amqplib: Library = {
  usage: "a confirm channel; error listeners on connection and channels",
  async open(task) {
    const model = await connect(task.url);
    model.on("error", ignore).on("handler-error", ignore);
    const channel = await setUp(model, task);
    return {
      publish: async (id) => send(channel, task.publishTo, id),
      close: () => model.close(),
    };
  },
};

export const amqplibRecovery: Library = {
  usage: "the same, and `recovery` with the README's delays and a `setup` that opens channels and consumes",
  async open(task) {
    let channel: ConfirmChannel | undefined;
    const setup = async (model: ChannelModel) => {
      channel = await setUp(model, task);
    };
    const recovery = { initialDelay: 200, maxDelay: 5_000, factor: 2, jitter: 0.2, maxRetries: Infinity, setup };
    const model = await connect(task.url, { recovery });
    model.on("error", ignore).on("handler-error", ignore);
    return {
      async publish(id) {
        if (channel === undefined) throw new Error("The channel is not open yet.");
        await send(channel, task.publishTo, id);
      },
      close: () => model.close(),
    };
  },
};
