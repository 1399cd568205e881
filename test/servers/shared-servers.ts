import { setTimeout as pause } from "node:timers/promises";
import { canStart, chosenProgram, type ServerName } from "./binaries.js";
import { installServers, mayInstall } from "./install.js";
import { startRabbitmq } from "./rabbitmq.js";
import { startRedis } from "./redis.js";

/** Server that all integration tests of a run share. */
export interface AvailableServer {
  readonly url: string;
  /** Source of the server, for example "Docker". */
  readonly from: string;
  stop(): Promise<void>;
}

/** Missing server of a run. */
export interface MissingServer {
  readonly url: null;
  /** Reason why there is no server. */
  readonly reason: string;
}

/** Environment variables that contain the address of a server to use. */
export const addressVariables = { redis: "REDIS_URL", rabbitmq: "RABBITMQ_URL" } as const;

const start = { redis: startRedis, rabbitmq: startRabbitmq };

/**
 * Provides both servers. Each one comes from the first available source: the address in the environment; Docker; a private instance
 * of the program on this machine; on Debian and Ubuntu, as root, a private instance after the installation of the program.
 */
export async function provideServers(): Promise<Record<ServerName, AvailableServer | MissingServer>> {
  const docker = isNeeded("redis") || isNeeded("rabbitmq") ? await hasDocker() : false;
  const installError = docker ? null : await installMissing();
  const [redis, rabbitmq] = await Promise.all([
    provide("redis", docker, installError),
    provide("rabbitmq", docker, installError),
  ]);
  return { redis, rabbitmq };
}

function isNeeded(name: ServerName): boolean {
  return !process.env[addressVariables[name]];
}

/** Installs the missing servers if that is possible. Returns the error message, or null. */
async function installMissing(): Promise<string | null> {
  if (!mayInstall()) return null;
  try {
    await installServers((["redis", "rabbitmq"] as const).filter(isNeeded));
    return null;
  } catch (error) {
    return `the installation failed: ${messageOf(error)}`;
  }
}

async function provide(
  name: ServerName,
  docker: boolean,
  installError: string | null,
): Promise<AvailableServer | MissingServer> {
  const variable = addressVariables[name];
  const given = process.env[variable];
  if (given) return { url: given, from: variable, stop: async () => {} };
  try {
    const chosen = chosenProgram(name);
    if (docker && chosen === null) return { ...(await startContainer(name)), from: "Docker" };
    if (canStart(name)) {
      const server = await start[name]();
      const from = chosen?.variable ?? `${name}-server of this machine`;
      return { url: server.url, from, stop: () => server.stop() };
    }
  } catch (error) {
    return { url: null, reason: `the start failed: ${messageOf(error)}` };
  }
  return { url: null, reason: installError ?? `no ${variable}, no Docker, no ${name}-server` };
}

/** Returns true if a container engine answers within three seconds. */
async function hasDocker(): Promise<boolean> {
  // The import itself fails on a Node that testcontainers does not support.
  const answered = import("testcontainers")
    .then(({ getContainerRuntimeClient }) => getContainerRuntimeClient())
    .then(
      () => true,
      () => false,
    );
  return Promise.race([answered, pause(3_000, false, { ref: false })]);
}

/** Starts a server in a container. If this process is killed, the reaper of testcontainers removes the container. */
async function startContainer(name: ServerName): Promise<{ url: string; stop(): Promise<void> }> {
  if (name === "redis") {
    const { RedisContainer } = await import("@testcontainers/redis");
    const container = await new RedisContainer("redis:8-alpine").start();
    return { url: container.getConnectionUrl(), stop: async () => void (await container.stop()) };
  }
  const { RabbitMQContainer } = await import("@testcontainers/rabbitmq");
  const container = await new RabbitMQContainer("rabbitmq:4-alpine").start();
  return { url: withUser(container.getAmqpUrl()), stop: async () => void (await container.stop()) };
}

/** Adds the default user of the RabbitMQ image to an address. The address of the container does not contain it. */
function withUser(address: string): string {
  const url = new URL(address);
  url.username ||= "guest";
  url.password ||= "guest";
  return url.href;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
