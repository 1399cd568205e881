import { setTimeout as pause } from "node:timers/promises";
import { type Channel, connect } from "amqplib";
import { BODY } from "./library.js";

/** Publishes `count` messages with the ids 0, 1, … to each of the queues. */
export async function fill(url: string, queues: readonly string[], count: number): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  const content = Buffer.from(JSON.stringify(BODY));
  for (let n = 0; n < count; n++) {
    for (const queue of queues) channel.sendToQueue(queue, content, { persistent: true, messageId: `${n}` });
    if (n % 100 === 0) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await connection.close();
}

/** Waits until a queue has no consumers, then deletes it. Returns the ids of its messages. */
export async function drain(url: string, queue: string): Promise<readonly string[]> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    while ((await channel.checkQueue(queue)).consumerCount > 0) await pause(50);
    const ids: string[] = [];
    while (await takeAll(channel, queue, ids));
    await channel.deleteQueue(queue);
    return ids;
  } finally {
    await connection.close();
  }
}

async function takeAll(channel: Channel, queue: string, ids: string[]): Promise<boolean> {
  const { messageCount } = await channel.checkQueue(queue);
  if (messageCount === 0) return false;
  const total = ids.length + messageCount;
  await new Promise<void>((resolve, reject) => {
    const tag = `drain-${ids.length}`;
    const take = (message: { readonly properties: { readonly messageId?: unknown } } | null) => {
      if (message === null) return;
      ids.push(String(message.properties.messageId));
      if (ids.length === total) channel.cancel(tag).then(() => resolve(), reject);
    };
    channel.consume(queue, take, { noAck: true, consumerTag: tag }).catch(reject);
  });
  return true;
}
