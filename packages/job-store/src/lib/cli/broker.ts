import { $ZodUnknown } from "zod/v4/core";
import { isError } from "../errors.js";
import { integerOption, listOf, type Options } from "./arguments.js";
import {
  type BrokerHealth,
  type DeadLetter,
  type DeadLetterSelection,
  importQueuePackage,
  type QueueDefinition,
  type QueueStats,
} from "./queue-package.js";
import { UsageError } from "./usage.js";

/** Options of every command that uses a broker. */
export const BROKER_OPTIONS: readonly string[] = ["amqp-url", "amqp-prefix", "queue"];

/** Broker with the queues that the options name. No method creates or changes a queue; each fails if the queue does not exist. */
export interface OpenedBroker extends AsyncDisposable {
  /** Names of the queues, without the prefix of the broker. */
  readonly queues: readonly string[];
  /** @throws UsageError if the queue or its dead-letter queue does not exist; QueueError UNAVAILABLE, TIMEOUT */
  stats(queue: string): Promise<QueueStats>;
  /** Returns the oldest dead letters, at most `limit` of 1–10,000. They stay in the queue. @throws as `stats` */
  deadLetters(queue: string, limit: number): Promise<readonly DeadLetter[]>;
  /** Publishes dead letters to their queue again, each as a first attempt. @returns how many. @throws as `stats` */
  redrive(queue: string, selection: DeadLetterSelection): Promise<number>;
  /** Deletes dead letters permanently. @returns how many. @throws as `stats` */
  discard(queue: string, selection: DeadLetterSelection): Promise<number>;
  health(): Promise<BrokerHealth>;
}

/** Time limit of a call in milliseconds. It is the default of `rabbitmqDriver`. */
const TIMEOUT_MS = 10_000;

/**
 * Checks the options of a broker and returns the names of the queues. The package `@subtitles/queue` checks the address and the
 * names.
 *
 * @throws UsageError
 */
export function checkBrokerOptions(options: Options): readonly string[] {
  timeoutOf(options);
  return queuesOf(options);
}

/**
 * Opens the broker that the options or the environment name. It connects at the first call.
 *
 * @throws UsageError if an option is missing or invalid, or if `@subtitles/queue` is not installed
 */
export async function openBroker(options: Options, env: NodeJS.ProcessEnv): Promise<OpenedBroker> {
  const queues = queuesOf(options);
  const url = options["amqp-url"] ?? env.RABBITMQ_URL;
  if (url === undefined || url === "")
    throw new UsageError("No RabbitMQ server given. Set RABBITMQ_URL, or use --amqp-url.");
  const { createBroker, rabbitmqDriver } = await importQueuePackage();
  const timeoutMs = timeoutOf(options);
  const prefix = options["amqp-prefix"] ?? env.RABBITMQ_PREFIX ?? "";
  const driver = await explained("", () =>
    rabbitmqDriver({ url: url.split(/,(?=amqps?:)/), prefix, timeoutMs, connectionName: "job-store" }),
  );
  const broker = createBroker({ driver });
  const call = <T>(queue: string, send: (definition: QueueDefinition) => Promise<T>) =>
    explained(prefix + queue, () => send(existingQueue(queue)));
  return {
    queues,
    stats: (queue) => call(queue, (definition) => broker.stats(definition)),
    deadLetters: (queue, limit) => call(queue, (definition) => broker.deadLetters(definition, { limit })),
    redrive: (queue, selection) => call(queue, (definition) => broker.redrive(definition, selection)),
    discard: (queue, selection) => call(queue, (definition) => broker.discard(definition, selection)),
    health: () => broker.health({ timeoutMs }),
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

/** Returns the names of the queues. @throws UsageError */
function queuesOf({ queue }: Options): readonly string[] {
  const queues = [...new Set(listOf(queue))];
  if (queues.length === 0) throw new UsageError("No queue given. Use --queue <name>, or --queue <name>,<name>.");
  return queues;
}

/** @throws UsageError */
function timeoutOf({ timeout }: Options): number {
  return integerOption(timeout, "timeout", TIMEOUT_MS);
}

const payload = new $ZodUnknown({ type: "unknown" });

/**
 * Returns the definition of a queue whose arguments are unknown. The broker only checks that the queue and its dead-letter queue
 * exist, and so it accepts every type. The definition has no retry delays, because the names of the wait queues contain them.
 */
function existingQueue(name: string): QueueDefinition {
  return { name, payload, retryDelaysMs: [], type: "quorum", declare: false };
}

/** Calls the broker. An invalid argument and a missing queue become errors in the command line. @throws UsageError, QueueError */
async function explained<T>(queue: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = isError(error) && "code" in error ? error.code : null;
    if (isError(error) && code === "INVALID_ARGUMENT") throw new UsageError(error.message);
    if (code !== "TOPOLOGY_MISMATCH") throw error;
    throw new UsageError(
      `The queues "${queue}" and "${queue}.dead" do not both exist, and this command creates none. Check --queue, ` +
        "--amqp-prefix (or RABBITMQ_PREFIX), and the virtual host at the end of --amqp-url (or RABBITMQ_URL).",
    );
  }
}
