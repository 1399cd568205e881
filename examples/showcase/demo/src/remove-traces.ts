import { setTimeout as delay } from "node:timers/promises";
import { downloadQueue, type StageQueue, translateQueue } from "@showcase/contracts";
import { connect } from "amqplib";
import { Redis } from "ioredis";

export interface Traces {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly rabbitmqUrl: string;
  readonly queuePrefix: string;
}

/** Time that a server needs after a crash until it is available again. */
const PATIENCE_MS = 30_000;
const BETWEEN_TRIES_MS = 500;

/**
 * Removes the keys and queues of one run of the demo from servers that others also use. It removes only names with the prefixes
 * of the run.
 *
 * @returns descriptions of the keys and queues that could not be removed
 */
export async function removeTraces({ redisUrl, keyPrefix, rabbitmqUrl, queuePrefix }: Traces): Promise<string[]> {
  const [keys, queues] = await Promise.all([
    keepTrying(() => removeKeys(redisUrl, keyPrefix)),
    keepTrying(() => removeQueues(rabbitmqUrl, queuePrefix)),
  ]);
  return [...(keys ? [] : [`keys ${keyPrefix}*`]), ...(queues ? [] : [`queues ${queuePrefix}*`])];
}

async function keepTrying(remove: () => Promise<void>): Promise<boolean> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(BETWEEN_TRIES_MS)) {
    try {
      await remove();
      return true;
    } catch {
      // The server is unavailable, and can be available later.
    }
  }
  return false;
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => {}); // The next call fails too.
  try {
    await redis.connect();
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
  } finally {
    redis.disconnect();
  }
}

async function removeQueues(url: string, prefix: string): Promise<void> {
  const connection = await connect(url, { timeout: 5000 });
  connection.on("error", () => {}); // Same as above.
  try {
    const channel = await connection.createChannel();
    // Deleting a queue that does not exist succeeds.
    for (const name of [downloadQueue, translateQueue].flatMap(namesOf)) await channel.deleteQueue(prefix + name);
  } finally {
    await connection.close();
  }
}

/** Returns the name of a queue, and the names of the queues that belong to it. */
function namesOf({ name, retryDelaysMs }: StageQueue): readonly string[] {
  return [name, `${name}.dead`, ...retryDelaysMs.map((delayMs) => `${name}.wait.${delayMs}`)];
}
