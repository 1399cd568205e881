import { connect } from "amqplib";
import { Redis } from "ioredis";
import { downloadQueue, translateQueue } from "../../examples/contracts/src/queues.js";

/** The keys and queues of one run of the examples that are still on the servers. */
export async function leftovers(servers: { REDIS_URL: string; RABBITMQ_URL: string }, name: string): Promise<string[]> {
  return [...(await keys(servers.REDIS_URL, `${name}:`)), ...(await queues(servers.RABBITMQ_URL, `${name}.`))];
}

async function keys(url: string, prefix: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const found = await redis.scanStream({ match: `${prefix}*`, count: 1_000 }).toArray();
    return found.flat();
  } finally {
    redis.disconnect();
  }
}

async function queues(url: string, prefix: string): Promise<string[]> {
  const wanted = [downloadQueue, translateQueue].flatMap(({ name, retryDelaysMs }) =>
    [name, `${name}.dead`, ...retryDelaysMs.map((delayMs) => `${name}.wait.${delayMs}`)].map((queue) => prefix + queue),
  );
  const connection = await connect(url);
  try {
    const found = await Promise.all(
      wanted.map(async (queue) => {
        // Asking for a queue that is not there costs the channel.
        const channel = await connection.createChannel();
        channel.on("error", () => {});
        return channel.checkQueue(queue).then(
          () => [queue],
          () => [],
        );
      }),
    );
    return found.flat();
  } finally {
    await connection.close();
  }
}
