import type { Cluster, Redis } from "ioredis";
import { invalid } from "../arguments.js";

/** Client of ioredis 5.10 or later, or 6, single or cluster, from any copy of the package. */
export interface RedisClient {
  /** True for a Cluster. */
  readonly isCluster: boolean;
  /** State of its connection. */
  readonly status: string;
  /** Options that it was created with. */
  readonly options: object;
  /** Creates another client with the same options, except for those given. */
  duplicate(...options: never[]): unknown;
  /** Adds a listener. */
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

/** @throws JobStoreError INVALID_ARGUMENT */
export function checkClient(client: unknown): RedisClient {
  if (isRedisClient(client)) return client;
  return invalid(
    "client must be a Redis or a Cluster of ioredis 5.10 or later. " +
      "A client of another package, such as redis, is not supported.",
  );
}

/** Checks the members and not the class: an application may have another copy of ioredis than this package. */
function isRedisClient(value: unknown): value is RedisClient {
  if (typeof value !== "object" || value === null) return false;
  const { isCluster, options, duplicate, on } = value as Partial<RedisClient>;
  return (
    typeof isCluster === "boolean" &&
    typeof options === "object" &&
    options !== null &&
    typeof duplicate === "function" &&
    typeof on === "function"
  );
}

/** Duplicates the client. The arguments for a Redis are options, and for a Cluster nodes and options. */
export function duplicateOf(client: RedisClient, ...options: readonly unknown[]): Redis | Cluster {
  // Versions of ioredis declare this method differently. All accept these arguments.
  const { duplicate } = client as { duplicate(...options: readonly unknown[]): Redis | Cluster };
  return duplicate.apply(client, [...options]);
}

/** Calls back with each connection of a client before the connection is opened. A cluster has one connection to each node. */
export function eachConnection(client: Redis | Cluster, listener: (connection: Redis) => void): void {
  if ("nodes" in client) client.on("+node", listener);
  else listener(client);
}

/**
 * Sets the name of a connection each time it is opened. With its own `connectionName`, ioredis 5 stays disconnected if the
 * connection breaks before the server has replied. If the user may not set a name, the connection has none.
 */
export function nameConnection(connection: Redis, name: string): void {
  connection.on("ready", () => void connection.client("SETNAME", name).catch(() => {}));
}

/**
 * Number of successive checks without a new byte after which a connection counts as silent. The first of them can come just
 * after a command was sent.
 */
const SILENT_CHECKS = 5;

/**
 * Closes a connection on which nothing arrives for at least `ms` milliseconds although replies are due. ioredis then reconnects. Its
 * own `socketTimeout` also closes a healthy connection after the event loop was busy, because its single timer runs before the
 * event loop reads. Here the event loop reads between two checks.
 */
export function closeWhenSilent(connection: Redis, ms: number): void {
  connection.on("connect", () => {
    const { stream } = connection;
    let read = 0;
    let silent = 0;
    const check = () => {
      const waits = connection.commandQueue.length > 0 && stream.bytesRead === read;
      read = stream.bytesRead;
      silent = waits ? silent + 1 : 0;
      if (silent === SILENT_CHECKS) stream.destroy(new Error("it does not reply"));
    };
    const timer = setInterval(check, ms / (SILENT_CHECKS - 1)).unref();
    stream.once("close", () => clearInterval(timer));
  });
}

/**
 * Closes a connection whose SELECT the server rejects. ioredis only reports the error, and then sends the commands to
 * database 0.
 */
export function requireDatabase(connection: Redis): void {
  connection.on("error", (error: { readonly command?: { readonly name?: string } }) => {
    if (error.command?.name === "select") connection.stream.destroy();
  });
}
