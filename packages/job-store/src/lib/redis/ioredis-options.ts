import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";
import { invalid, show } from "../arguments.js";

/** Options of ioredis. The driver overrides those that limit the time of calls or change the meaning of commands and replies. */
export type ConnectionOptions = RedisOptions & { replyMapping?: "legacy" };
/** Options of ioredis for a cluster. The driver overrides some of them, as above. */
export type ClusterConnectionOptions = ClusterOptions & { replyMapping?: "legacy" };

/** Options that the driver sets on every connection. They override those of the caller. */
export const BOUNDED: ConnectionOptions = {
  // With these, the driver waits and repeats calls itself. ioredis would block, or send a command twice (docs/decisions/0002).
  lazyConnect: false,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  // The check runs INFO, which needs a permission. A server that still loads its data rejects each call itself.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  commandTimeout: undefined,
  blockingTimeout: undefined,
  socketTimeout: undefined,
  // The driver sets the name itself.
  connectionName: undefined,
  disableClientInfo: true,
  keepAlive: 5000,
  noDelay: true,
  retryStrategy: backOff,
  // After a failover, reconnects to the new master. The driver repeats the call.
  reconnectOnError: (error) => (error.message.includes("READONLY") ? 1 : false),
  // These change the server that replies, the commands, and the form of replies.
  role: "master",
  readOnly: false,
  monitor: undefined,
  scripts: undefined,
  himportFieldsets: undefined,
  stringNumbers: false,
  replyMapping: "legacy",
};

/** Returns the pause before the next attempt to connect, in milliseconds, with jitter: the clients of a restarted server spread out. */
export function backOff(times: number): number {
  return Math.random() * Math.min(50 * 2 ** times, 1000) + 20;
}

/** Returns the options for a cluster. ioredis follows keys that move between nodes, without a limit: the deadline of the call ends it. */
export function boundedCluster(
  bounds: ConnectionOptions,
  nodes: ClusterOptions["redisOptions"],
): ClusterOptions & { replyMapping: "legacy"; redisOptions: ConnectionOptions & { replyMapping: "legacy" } } {
  return {
    lazyConnect: false,
    enableOfflineQueue: bounds.enableOfflineQueue ?? false,
    enableAutoPipelining: false,
    enableReadyCheck: false,
    scaleReads: "master",
    shardedSubscribers: false,
    scripts: undefined,
    himportFieldsets: undefined,
    maxRedirections: 1000,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 20,
    retryDelayOnMoved: 0,
    slotsRefreshTimeout: 1000,
    clusterRetryStrategy: backOff,
    clusterNodeRetryStrategy: null,
    replyMapping: "legacy",
    redisOptions: { ...nodes, ...bounds, replyMapping: "legacy" },
  };
}

/**
 * Rejects options of ioredis that change the keys in the driver's commands, and a database that is not a number.
 * @param source origin of the options, for the error
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function checkOptions(options: object | null | undefined, source: string): void {
  const db = options && "db" in options ? options.db : undefined;
  if (db !== undefined && db !== null && !/^\d+$/.test(String(db))) {
    invalid(`${source} sets the option db of ioredis to ${show(db)}. It must be an integer from 0.`);
  }
  const prefix = options && "keyPrefix" in options ? options.keyPrefix : undefined;
  if (prefix === undefined || prefix === null || prefix === "") return;
  invalid(
    `${source} sets the option keyPrefix of ioredis, which would change only some of the keys that the driver uses. ` +
      "Remove it there, and use the driver's own option keyPrefix.",
  );
}

/** Rejects options of a cluster that change the keys in the driver's commands, and a database other than 0. @throws JobStoreError INVALID_ARGUMENT */
export function checkClusterOptions(options: ClusterOptions, source: string): void {
  const { redisOptions } = options;
  checkOptions(options, source);
  checkOptions(redisOptions, source);
  if (redisOptions?.db !== undefined && redisOptions.db !== 0) {
    invalid(`${source} sets db to ${redisOptions.db} in redisOptions, but a cluster has only database 0. Remove db.`);
  }
}

/** Rejects options in a node that would override those of the driver. @throws JobStoreError INVALID_ARGUMENT */
export function checkNode(node: ClusterNode): void {
  const source = "A node in cluster";
  if (typeof node === "string") checkQuery(node, source);
  else if (typeof node === "object" && node !== null) {
    checkOptions(node, source);
    checkNames(Object.keys(node), source);
  }
}

/** Rejects such options in the query of an address, which ioredis reads as options. @throws JobStoreError INVALID_ARGUMENT */
export function checkQuery(address: string, source: string): void {
  const options = Object.fromEntries(new URLSearchParams(address.split("?").slice(1).join("?")));
  checkOptions(options, source);
  checkNames(Object.keys(options), source);
}

/** Rejects a path that is not the number of a database. @throws JobStoreError INVALID_ARGUMENT */
export function checkPath(address: string): void {
  const path = new URL(address).pathname;
  if (!/^(?:\/\d*)?$/.test(path)) {
    invalid(
      `The url of redisDriver has the path ${show(path)}. It must be the number of a database, such as /1, or absent.`,
    );
  }
}

function checkNames(names: readonly string[], source: string): void {
  const own = names.find((name) => name in BOUNDED);
  if (own !== undefined)
    invalid(`${source} sets the option ${own} of ioredis, which the driver sets itself. Remove it there.`);
}
