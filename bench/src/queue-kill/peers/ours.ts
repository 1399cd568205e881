import { createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { z } from "zod";
import { BODY, type Peer } from "../peer.js";

export const ours: Peer = {
  usage: "defaults",
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
