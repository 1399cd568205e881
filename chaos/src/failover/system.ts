import type { RedisDriverOptions } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { retry } from "../retry.js";

/** Group of servers in which a replica takes over from a failed master. */
export interface System extends AsyncDisposable {
  /** Options of a driver that connects to the servers. */
  readonly options: RedisDriverOptions;
  /** Kills a master. Returns a function that starts it again. */
  kill(): Promise<() => Promise<void>>;
  /** Disconnects a master from its replica and the other servers. Returns a function that connects it again. */
  split(): Promise<() => Promise<void>>;
  /** @throws until the replica is a master */
  expectPromotedReplica(): Promise<void>;
  /** @throws until the old master is a replica */
  expectDemotedMaster(): Promise<void>;
}

/** Waits until a replica has copied all data of its master. */
export async function untilReplicating(url: string): Promise<void> {
  await retry(() => withClient(url, (client) => expectInfo(client, "master_link_status:up")));
}

export function expectRole(url: string, role: "master" | "slave"): Promise<void> {
  return withClient(url, (client) => expectInfo(client, `role:${role}`));
}

async function expectInfo(client: Redis, text: string): Promise<void> {
  if (!(await client.info("replication")).includes(text))
    throw new Error(`"INFO replication" does not contain "${text}" yet.`);
}

export async function withClient(url: string, use: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => null, commandTimeout: 2_000 });
  client.on("error", () => {
    // The command fails with the same error.
  });
  try {
    await use(client);
  } finally {
    client.disconnect();
  }
}
