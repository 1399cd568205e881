import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { ConsumerChannel } from "../src/lib/rabbitmq/consumer-channel.js";

/** amqplib's channel while its connection is lost: it never settles `close`. */
class LostChannel extends EventEmitter {
  cancel = () => Promise.reject(new Error("Channel ended"));
  close = () => new Promise(() => {});
}

test("close ends if the connection is lost after the request, although amqplib does not settle its own call then", async () => {
  let lose = () => {};
  const connection = {
    countsReturns: true,
    onLost: (listener: () => void) => {
      lose = listener;
      return () => {};
    },
  };
  const queue = { name: "tasks", type: "quorum", retryDelaysMs: [] };
  const closed: string[] = [];
  // The channel uses only these members of them.
  const channel = new ConsumerChannel(
    new LostChannel() as never,
    connection as never,
    queue as never,
    1,
    () => closed.push("closed"),
    () => closed.push("late"),
  );
  channel.started("tag");
  await channel.cancel();
  const closing = channel.close();
  lose();
  await closing;
  expect(closed).toEqual(["closed"]);
});
