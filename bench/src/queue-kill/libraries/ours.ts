import { createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { z } from "zod";
import { BODY, type Library } from "../library.js";

export const ours: Library = {
  usage: "default options",
  async open({ url, type, publishTo, consumeFrom, prefetch, onMessage }) {
    const define = (name: string) =>
      defineQueue({ name, type, payload: z.object({ text: z.string() }), retryDelaysMs: [] });
    const broker = createBroker({ driver: rabbitmqDriver({ url }) });
    const target = define(publishTo);
    await broker.consume(define(consumeFrom), ({ id }) => onMessage(id), { concurrency: prefetch });
    await broker.stats(target);
    return {
      publish: async (id) => void (await broker.publish(target, BODY, { id })),
      close: () => broker.close(),
    };
  },
};
