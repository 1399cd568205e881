import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";
import { invalid } from "../arguments.js";

/** Options of ioredis. The driver overrides those that limit the time of calls or change the meaning of commands and replies. */
export type ConnectionOptions = RedisOptions & { replyMapping?: "legacy" };
/** Likewise for a cluster. */
export type ClusterConnectionOptions = ClusterOptions & { replyMapping?: "legacy" };

/** Options that the driver sets on every connection. They override those of the caller. */
export const BOUNDED: ConnectionOptions = {
  // These make ioredis leave waiting and repeating to us, instead of hanging or sending a command twice; each was
  // measured (docs/decisions/0002).
  lazyConnect: false,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  // It asks INFO, which a user need not be allowed; and a server that still loads had better say so to each call.
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
  // A replica that became one while we were connected: find the new master, and let our own retry repeat the call.
  reconnectOnError: (error) => (error.message.includes("READONLY") ? 1 : false),
  // These change which server answers, which commands exist, and the form of replies.
  role: "master",
  readOnly: false,
  monitor: undefined,
  scripts: undefined,
  himportFieldsets: undefined,
  stringNumbers: false,
  replyMapping: "legacy",
};

/** With jitter, so that all clients of a server that comes back do not come in the same moment. */
export function backOff(times: number): number {
  return Math.random() * Math.min(50 * 2 ** times, 1000) + 20;
}

/** In a cluster ioredis itself goes after a key that has moved; our budget, not a count, says when that is enough. */
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
 * Rejects options of ioredis that change the keys in the driver's commands.
 * @param source origin of the options, for the error
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function checkOptions(options: object | null | undefined, source: string): void {
  const prefix = options && "keyPrefix" in options ? options.keyPrefix : undefined;
  if (prefix === undefined || prefix === null || prefix === "") return;
  invalid(
    `${source} sets the option keyPrefix of ioredis, which would change only some of the keys that the driver uses. ` +
      "Remove it there, and use the driver's own option keyPrefix.",
  );
}

/** Likewise for a cluster. @throws JobStoreError INVALID_ARGUMENT */
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

/** Likewise for the query of an address, which ioredis reads as options. @throws JobStoreError INVALID_ARGUMENT */
export function checkQuery(address: string, source: string): void {
  const options = Object.fromEntries(new URLSearchParams(address.split("?").slice(1).join("?")));
  checkOptions(options, source);
  checkNames(Object.keys(options), source);
}

function checkNames(names: readonly string[], source: string): void {
  const own = names.find((name) => name in BOUNDED);
  if (own !== undefined)
    invalid(`${source} sets the option ${own} of ioredis, which the driver sets itself. Remove it there.`);
}
