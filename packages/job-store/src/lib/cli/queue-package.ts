import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { $ZodType } from "zod/v4/core";
import { UsageError } from "./usage.js";

/** Definition of a queue, as `@subtitles/queue` reads it. */
export interface QueueDefinition {
  readonly name: string;
  readonly payload: $ZodType;
  readonly retryDelaysMs: readonly number[];
  readonly type: "quorum" | "classic";
  readonly declare: boolean;
}

/** Numbers of a queue. */
export interface QueueStats {
  /** Number of messages that wait for a consumer. */
  readonly ready: number;
  /** Number of dead letters. */
  readonly dead: number;
  readonly consumers: number;
}

/** Message that was dead-lettered. */
export interface DeadLetter {
  readonly id: string;
  readonly body: string;
  readonly origin?: string;
  readonly reason: string;
  readonly attempts: number;
  readonly at: Date;
  readonly publishedAt: Date;
  readonly errors: readonly string[];
}

/** Health of a broker. */
export interface BrokerHealth {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly latencyMs: number | null;
  readonly warnings: readonly string[];
  readonly error?: string;
}

/** Selection of dead letters: the oldest ones, or those with these message ids. */
export interface DeadLetterSelection {
  readonly limit?: number | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** Part of a broker of `@subtitles/queue` that the command line uses. */
export interface QueueBroker {
  stats(queue: QueueDefinition): Promise<QueueStats>;
  deadLetters(queue: QueueDefinition, query: { readonly limit: number }): Promise<readonly DeadLetter[]>;
  redrive(queue: QueueDefinition, query: DeadLetterSelection): Promise<number>;
  discard(queue: QueueDefinition, query: DeadLetterSelection): Promise<number>;
  health(options: { readonly timeoutMs: number }): Promise<BrokerHealth>;
  close(): Promise<void>;
}

interface QueueDriver {
  readonly name: string;
}

/**
 * Part of `@subtitles/queue` that the command line uses. The package is optional here, and it imports this one, so its own types are
 * not available. A test of that package compares them with these.
 */
export interface QueuePackage {
  createBroker(options: { readonly driver: QueueDriver }): QueueBroker;
  rabbitmqDriver(options: {
    readonly url: readonly string[];
    readonly prefix: string;
    readonly timeoutMs: number;
    readonly connectionName: string;
  }): QueueDriver;
}

/**
 * Imports `@subtitles/queue`: the copy that this package finds, otherwise that of the project in the current directory. pnpm hides
 * the packages of the project from this package.
 *
 * @throws UsageError if it is not installed
 */
export async function importQueuePackage(
  bases: readonly string[] = [import.meta.url, join(process.cwd(), "package.json")],
): Promise<QueuePackage> {
  for (const base of bases) {
    const paths = resolve(base);
    if (paths === null) continue;
    const modules = await Promise.all(paths.map((path): Promise<object> => import(pathToFileURL(path).href)));
    const all: object = Object.assign({}, ...modules);
    if (isQueuePackage(all)) return all;
  }
  throw new UsageError(
    "This command reads RabbitMQ with the package @subtitles/queue, which is not installed here. " +
      "Install it in this project (npm install @subtitles/queue), or run the command in a project that has it.",
  );
}

/** Returns the paths of the entries of the package, as a module at `base` finds them. null: it finds none. */
function resolve(base: string): readonly string[] | null {
  const require = createRequire(base);
  try {
    return ["@subtitles/queue", "@subtitles/queue/rabbitmq"].map((entry) => require.resolve(entry));
  } catch {
    return null;
  }
}

function isQueuePackage(all: object): all is QueuePackage {
  return (
    "createBroker" in all &&
    typeof all.createBroker === "function" &&
    "rabbitmqDriver" in all &&
    typeof all.rabbitmqDriver === "function"
  );
}
