import { type ChannelWrapper, connect } from "amqp-connection-manager";
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import { BODY, type Library } from "../library.js";

const ignore = () => {};

export const connectionManager: Library = {
  usage: "a `setup` that declares and consumes; persistent messages through the wrapper; default intervals",
  async open({ url, type, publishTo, consumeFrom, prefetch, onMessage }) {
    const options = { durable: true, arguments: { "x-queue-type": type } };
    const connection = connect([url]);
    connection.on("disconnect", ignore).on("connectFailed", ignore);
    const receiving: ChannelWrapper = connection.createChannel({
      setup: async (channel: ConfirmChannel) => {
        await channel.assertQueue(consumeFrom, options);
        await channel.prefetch(prefetch);
        await channel.consume(consumeFrom, receive);
      },
    });
    const receive = async (message: ConsumeMessage | null) => {
      if (message === null) return;
      await onMessage(String(message.properties.messageId));
      receiving.ack(message);
    };
    const sending = connection.createChannel({
      json: true,
      setup: (channel: ConfirmChannel) => channel.assertQueue(publishTo, options),
    });
    receiving.on("error", ignore);
    sending.on("error", ignore);
    await Promise.all([receiving.waitForConnect(), sending.waitForConnect()]);
    return {
      publish: async (messageId) => void (await sending.sendToQueue(publishTo, BODY, { persistent: true, messageId })),
      close: () => connection.close(),
    };
  },
};
