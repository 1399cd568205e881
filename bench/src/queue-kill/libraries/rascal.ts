import rascalModule from "rascal";
import { BODY, type Library } from "../library.js";

// The package is CommonJS, and Node.js does not detect its named exports.
const { BrokerAsPromised, withDefaultConfig } = rascalModule;

const ignore = () => {};

export const rascal: Library = {
  usage: "its default configuration; error listeners on broker, publications and subscription",
  async open({ url, type, publishTo, consumeFrom, prefetch, onMessage }) {
    const options = { durable: true, arguments: { "x-queue-type": type } };
    const broker = await BrokerAsPromised.create(
      withDefaultConfig({
        vhosts: {
          "/": {
            connection: { url },
            queues: { [publishTo]: { options }, [consumeFrom]: { options } },
            publications: { out: { queue: publishTo } },
            subscriptions: { in: { queue: consumeFrom, prefetch } },
          },
        },
      }),
    );
    broker.on("error", ignore);
    const subscription = await broker.subscribe("in");
    subscription.on("error", ignore).on("message", async (message, _content, ackOrNack) => {
      await onMessage(String(message.properties.messageId));
      ackOrNack();
    });
    return {
      async publish(messageId) {
        const publication = await broker.publish("out", BODY, { options: { messageId } });
        await new Promise<void>((resolve, reject) => {
          publication.on("success", () => resolve()).on("error", reject);
        });
      },
      close: () => broker.shutdown(),
    };
  },
};
