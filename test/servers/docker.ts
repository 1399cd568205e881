import { setTimeout as pause } from "node:timers/promises";
import type { ServerName } from "./binaries.js";

/** Whether there is a container engine that answers. */
export async function hasDocker(): Promise<boolean> {
  // The import itself fails on a Node that testcontainers does not support.
  const answered = import("testcontainers")
    .then(({ getContainerRuntimeClient }) => getContainerRuntimeClient())
    .then(
      () => true,
      () => false,
    );
  return Promise.race([answered, pause(3_000, false, { ref: false })]);
}

/** Starts a server in a container. Should we be killed, testcontainers' own reaper removes it. */
export async function startContainer(name: ServerName): Promise<{ url: string; stop(): Promise<void> }> {
  if (name === "redis") {
    const { RedisContainer } = await import("@testcontainers/redis");
    const container = await new RedisContainer("redis:8-alpine").start();
    return { url: container.getConnectionUrl(), stop: async () => void (await container.stop()) };
  }
  const { RabbitMQContainer } = await import("@testcontainers/rabbitmq");
  const container = await new RabbitMQContainer("rabbitmq:4-alpine").start();
  return { url: withUser(container.getAmqpUrl()), stop: async () => void (await container.stop()) };
}

/** RabbitMQ's image knows its default user; the module's address leaves it out. */
function withUser(address: string): string {
  const url = new URL(address);
  url.username ||= "guest";
  url.password ||= "guest";
  return url.href;
}
