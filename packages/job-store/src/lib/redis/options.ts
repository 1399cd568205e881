import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { checkWhole, invalid } from "../arguments.js";
import type { ReplicaWait } from "./replicas.js";

/** Options of ioredis; replies stay in the mapping that this driver reads. */
export type ConnectionOptions = RedisOptions & { replyMapping?: "legacy" };
/** Likewise for a cluster. */
export type ClusterConnectionOptions = ClusterOptions & { replyMapping?: "legacy" };

/** Which Redis, and how it is used. */
export type RedisDriverOptions = (
  | {
      /** `redis://` or `rediss://` */
      readonly url: string;
      /** Further options of ioredis (TLS, say). What bounds a call in time is the driver's. */
      readonly redis?: ConnectionOptions | undefined;
    }
  | {
      /** Some nodes of a Redis Cluster; the others are found through them. */
      readonly cluster: readonly ClusterNode[];
      /** Further options of ioredis; user, password and TLS of the nodes go into its `redisOptions`. */
      readonly redis?: ClusterConnectionOptions | undefined;
      /** See `shards` below. */
      readonly shards?: number | undefined;
    }
  | {
      /** Sentinels that watch the master; they are asked for it at each connect. */
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      /** Of the master that the sentinels watch. */
      readonly name: string;
      /** Further options of ioredis: `username`, `password` and `tls` of the master, say. */
      readonly redis?: ConnectionOptions | undefined;
    }
  | {
      /** The caller's own: duplicated with the options that keep calls bounded; only the duplicates are closed. */
      readonly client: Redis | Cluster;
      /**
       * Parts that jobs are spread over, each with a hash tag and indexes of its own, so that a cluster can hold them on
       * different nodes. Chosen once for a key prefix: it is recorded there, and another number is refused. 1–1024.
       * @default 16 on a cluster; on one server jobs are not spread, and keys carry no tag
       */
      readonly shards?: number | undefined;
    }
) & {
  /**
   * Put before every key; any characters, without braces if jobs are spread over shards. One definition per prefix: its name, statuses and number of shards are recorded there, and a
   * store that does not fit is refused at its first call (INVALID_ARGUMENT, naming both).
   * @default "" : a job is the string at `job:<id>`, and nothing else lives under `job:`
   */
  readonly keyPrefix?: string | undefined;
  /** No call takes longer, whatever the server does; 10–600,000 ms. @default 2000 */
  readonly timeoutMs?: number | undefined;
  /** Events kept for `watch`, at least; 1–10,000,000. A watcher that was away for longer gets `resync`. @default 10_000 */
  readonly eventLogLength?: number | undefined;
  /**
   * Acknowledges a change once so many replicas have it, so that one of them can take over without losing it. Where they
   * do not in time, the call fails as UNAVAILABLE and `indeterminate`. It costs a round trip to the replicas for each
   * batch of changes, and narrows what a failover can lose rather than ruling it out: a replica that has less may be the
   * one that is chosen.
   * @default absent: acknowledged as soon as the primary has made it
   */
  readonly waitReplicas?:
    | {
        /** 1–100. */
        readonly count: number;
        /** How long they may take; 1–600,000 ms, and no longer than the call. @default as long as the call */
        readonly timeoutMs?: number | undefined;
      }
    | undefined;
};

/** The options, checked, as the driver uses them. */
export interface Setup {
  readonly keyPrefix: string;
  readonly timeoutMs: number;
  readonly eventLogLength: number;
  readonly waitReplicas: ReplicaWait | null;
  /** null: one server, whose keys carry no tag. */
  readonly shards: number | null;
  /** For calls: nothing waits in ioredis. */
  readonly connect: () => Redis | Cluster;
  /** For blocking reads, which wait for the connection. */
  readonly connectToWait: () => Redis | Cluster;
}

/** @throws JobStoreError INVALID_ARGUMENT */
export function setUp(options: RedisDriverOptions): Setup {
  if (typeof options !== "object" || options === null) return invalid("redisDriver needs options: a url, for example.");
  const timeoutMs = checkWhole(options.timeoutMs ?? 2000, "timeoutMs", 10, 600_000);
  const keyPrefix = options.keyPrefix ?? "";
  if (typeof keyPrefix !== "string") invalid("keyPrefix must be a string.");
  if (/\p{Surrogate}/u.test(keyPrefix)) {
    invalid("keyPrefix has half of a surrogate pair, which UTF-8 cannot encode. Give it whole characters.");
  }
  const connect = connector(options);
  const shards = shardsOf(options);
  if (shards !== null && /[{}]/.test(keyPrefix)) {
    invalid("keyPrefix must not contain braces where jobs are spread over shards: the shards have tags of their own.");
  }
  return {
    keyPrefix,
    timeoutMs,
    eventLogLength: checkWhole(options.eventLogLength ?? 10_000, "eventLogLength", 1, 10_000_000),
    waitReplicas: replicaWaitOf(options.waitReplicas, timeoutMs),
    shards,
    connect: () => connect({ ...BOUNDED, socketTimeout: timeoutMs }),
    connectToWait: () => connect({ ...BOUNDED, enableOfflineQueue: true }),
  };
}

function replicaWaitOf(wait: RedisDriverOptions["waitReplicas"], callMs: number): ReplicaWait | null {
  if (wait === undefined) return null;
  if (typeof wait !== "object" || wait === null)
    return invalid("waitReplicas must be { count }, and timeoutMs if need be.");
  return {
    count: checkWhole(wait.count, "waitReplicas.count", 1, 100),
    timeoutMs: checkWhole(wait.timeoutMs ?? callMs, "waitReplicas.timeoutMs", 1, 600_000),
  };
}

function shardsOf(options: RedisDriverOptions): number | null {
  const shards = "shards" in options ? options.shards : undefined;
  if (shards !== undefined) return checkWhole(shards, "shards", 1, 1024);
  const onCluster = "cluster" in options || ("client" in options && options.client instanceof Cluster);
  return onCluster ? 16 : null;
}

/**
 * What makes ioredis leave waiting and repeating to us, instead of hanging or sending a command twice; each was
 * measured (docs/decisions/0002).
 */
const BOUNDED: ConnectionOptions = {
  lazyConnect: false,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  // It asks INFO, which a user need not be allowed; and a server that still loads had better say so to each call.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  keepAlive: 5000,
  noDelay: true,
  replyMapping: "legacy",
  retryStrategy: backOff,
  // A replica that became one while we were connected: find the new master, and let our own retry repeat the call.
  reconnectOnError: (error) => (error.message.includes("READONLY") ? 1 : false),
};

/** With jitter, so that all clients of a server that comes back do not come in the same moment. */
function backOff(times: number): number {
  return Math.random() * Math.min(50 * 2 ** times, 1000) + 20;
}

/** In a cluster ioredis itself goes after a key that has moved; our budget, not a count, says when that is enough. */
function boundedCluster(bounds: ConnectionOptions, nodes: ClusterOptions["redisOptions"]) {
  return {
    lazyConnect: false,
    enableOfflineQueue: bounds.enableOfflineQueue ?? false,
    enableAutoPipelining: false,
    enableReadyCheck: false,
    scaleReads: "master",
    maxRedirections: 1000,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 20,
    retryDelayOnMoved: 0,
    slotsRefreshTimeout: 1000,
    clusterRetryStrategy: backOff,
    replyMapping: "legacy",
    redisOptions: { ...nodes, ...bounds, replyMapping: "legacy" },
  } as const;
}

function connector(options: RedisDriverOptions): (bounds: ConnectionOptions) => Redis | Cluster {
  if ("client" in options && options.client !== undefined) {
    const { client } = options;
    if (client instanceof Cluster) {
      return (bounds) => client.duplicate([], boundedCluster(bounds, client.options.redisOptions));
    }
    if (typeof client?.duplicate !== "function") return invalid("client must be a Redis or a Cluster of ioredis.");
    return (bounds) => client.duplicate(bounds);
  }
  if ("cluster" in options && options.cluster !== undefined) {
    const { cluster, redis = {} } = options;
    if (!Array.isArray(cluster) || cluster.length === 0) return invalid("cluster must name at least one node.");
    return (bounds) => new Cluster([...cluster], { ...redis, ...boundedCluster(bounds, redis.redisOptions) });
  }
  if ("sentinels" in options && options.sentinels !== undefined) {
    const { sentinels, name, redis = {} } = options;
    if (!Array.isArray(sentinels) || sentinels.length === 0 || typeof name !== "string" || name === "") {
      return invalid("sentinels must name at least one sentinel, and name the master that they watch.");
    }
    return (bounds) =>
      new Redis({ sentinelRetryStrategy: backOff, ...redis, ...bounds, sentinels: [...sentinels], name });
  }
  if ("url" in options && options.url === undefined) {
    return invalid("The url of redisDriver is undefined: is the variable set that it comes from (REDIS_URL, say)?");
  }
  if (!("url" in options) || typeof options.url !== "string" || !/^rediss?:\/\//.test(options.url)) {
    return invalid(
      "redisDriver needs a url that begins with redis:// or rediss://, a cluster, sentinels, or a client of ioredis.",
    );
  }
  const { url, redis = {} } = options;
  return (bounds) => new Redis(url, { ...redis, ...bounds });
}
