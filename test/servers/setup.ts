import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { canStart, type ServerName } from "./binaries.js";
import { removeKeys } from "./leftovers.js";
import type { ProvidedServer } from "./provided.js";
import { type AvailableServer, addressVariables, type MissingServer, provideServers } from "./shared-servers.js";

/** Starts the servers that the integration tests share, and stops them after all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = await provideServers();
  const testPrefix = `test-${randomBytes(4).toString("hex")}:`;
  project.provide("redis", toProvided(servers.redis));
  project.provide("rabbitmq", toProvided(servers.rabbitmq));
  project.provide("redisUrl", servers.redis.url);
  project.provide("rabbitmqUrl", servers.rabbitmq.url);
  project.provide("testPrefix", testPrefix);
  await writeReport(servers);

  return async () => {
    const given = process.env[addressVariables.redis];
    if (given) await removeKeys(given, testPrefix);
    await Promise.all(Object.values(servers).map((server) => (server.url === null ? undefined : server.stop())));
  };
}

function toProvided(server: AvailableServer | MissingServer): ProvidedServer {
  return { url: server.url, reason: server.url === null ? server.reason : null };
}

/** Writes the file that `npm test` reads for its summary. It contains no addresses, because they can contain passwords. */
async function writeReport({ redis, rabbitmq }: Record<ServerName, AvailableServer | MissingServer>): Promise<void> {
  const folder = process.env.TEST_REPORT_FOLDER;
  if (!folder) return;
  const report = { redis: toReported("redis", redis), rabbitmq: toReported("rabbitmq", rabbitmq) };
  await writeFile(join(folder, "servers.json"), JSON.stringify(report));
}

function toReported(name: ServerName, server: AvailableServer | MissingServer) {
  const startable = canStart(name);
  return server.url === null ? { missing: server.reason, startable } : { from: server.from, startable };
}
