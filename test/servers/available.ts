import { canStart, chosenProgram, type ServerName } from "./binaries.js";
import { hasDocker, startContainer } from "./docker.js";
import { installServers, mayInstall } from "./install.js";
import { startRabbitmq } from "./rabbitmq.js";
import { startRedis } from "./redis.js";

/** A server for this test run. */
export interface AvailableServer {
  readonly url: string;
  /** Where it comes from, in a word or two. */
  readonly from: string;
  stop(): Promise<void>;
}

/** Why there is no server for this test run. */
export interface MissingServer {
  readonly url: null;
  readonly reason: string;
}

/** Names the variables that hold the address of a server to use. */
export const addressVariables = { redis: "REDIS_URL", rabbitmq: "RABBITMQ_URL" } as const;

const start = { redis: startRedis, rabbitmq: startRabbitmq };

/**
 * Both servers, each from the first of these that there is: the address in the environment; Docker; the machine's own
 * binaries, as a private instance; on Debian and Ubuntu, if we are root, the same after installing them.
 */
export async function provideServers(): Promise<Record<ServerName, AvailableServer | MissingServer>> {
  const docker = needed("redis") || needed("rabbitmq") ? await hasDocker() : false;
  const problem = docker ? null : await installMissing();
  const [redis, rabbitmq] = await Promise.all([
    provide("redis", docker, problem),
    provide("rabbitmq", docker, problem),
  ]);
  return { redis, rabbitmq };
}

function needed(name: ServerName): boolean {
  return !process.env[addressVariables[name]];
}

/** Returns what went wrong, or null. */
async function installMissing(): Promise<string | null> {
  if (!mayInstall()) return null;
  try {
    await installServers((["redis", "rabbitmq"] as const).filter(needed));
    return null;
  } catch (error) {
    return `installing it failed: ${message(error)}`;
  }
}

async function provide(
  name: ServerName,
  docker: boolean,
  installProblem: string | null,
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
    return { url: null, reason: `starting it failed: ${message(error)}` };
  }
  return { url: null, reason: installProblem ?? `no ${variable}, no Docker, no ${name}-server` };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
