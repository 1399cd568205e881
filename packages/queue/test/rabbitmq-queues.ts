import { randomBytes } from "node:crypto";
import { connect } from "amqplib";
import { inject, onTestFinished } from "vitest";
import type { QueueDefinition } from "../src/index.js";

/** A name that no other test and no one else has. */
export function freshPrefix(): string {
  return `${inject("testPrefix")}${randomBytes(4).toString("hex")}.`;
}

/** A bare channel to a broker, for what the package itself does not do. It may be closed by a refusal. */
export async function openChannel(url: string) {
  const connection = await connect(url);
  connection.on("error", () => {});
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => {});
  return { channel, close: () => connection.close().catch(() => undefined) };
}

/** Deletes these queues and their companions, and no others. */
export async function deleteQueues(url: string, prefix: string, queues: readonly QueueDefinition[]): Promise<void> {
  const { channel, close } = await openChannel(url);
  for (const { name, retryDelaysMs } of queues) {
    const names = [name, `${name}.dead`, ...retryDelaysMs.map((delay) => `${name}.wait.${delay}`)];
    for (const each of names) await channel.deleteQueue(prefix + each);
  }
  await close();
}

/** A prefix whose queues are deleted after the test. */
export function prefixFor(url: string, queues: readonly QueueDefinition[]): string {
  const prefix = freshPrefix();
  onTestFinished(() => deleteQueues(url, prefix, queues));
  return prefix;
}
