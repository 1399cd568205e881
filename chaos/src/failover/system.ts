import type { RedisDriverOptions } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { patiently } from "../patience.js";

/** Servers of which a replica takes over from its master. */
export interface System extends AsyncDisposable {
  /** How a client reaches them. */
  readonly options: RedisDriverOptions;
  /** Ends a master; answers how to start it again. */
  kill(): Promise<() => Promise<void>>;
  /** Cuts a master off from all that watch it; answers how to undo that. */
  split(): Promise<() => Promise<void>>;
  /** @throws while none has */
  hasTakenOver(): Promise<void>;
  /** @throws while the old master, there again, takes itself for one */
  hasGivenIn(): Promise<void>;
}

/** Waits until a replica has all that its master had. */
export async function untilReplicating(url: string): Promise<void> {
  await patiently(() => asking(url, (client) => expectIn(client, "master_link_status:up")));
}

export function isNow(url: string, role: "master" | "slave"): Promise<void> {
  return asking(url, (client) => expectIn(client, `role:${role}`));
}

async function expectIn(client: Redis, words: string): Promise<void> {
  if (!(await client.info("replication")).includes(words)) throw new Error(`not ${words} yet`);
}

export async function asking(url: string, question: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => null, commandTimeout: 2_000 });
  client.on("error", () => {
    // The question fails with it.
  });
  try {
    await question(client);
  } finally {
    client.disconnect();
  }
}
