import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { checkInteger, checkKeys, checkOptions, invalid, type KeysOf, show } from "../arguments.js";
import {
  checkClient,
  closeWhenSilent,
  duplicateOf,
  eachConnection,
  nameConnection,
  type RedisClient,
  requireDatabase,
} from "./client.js";
import {
  BOUNDED,
  backOff,
  boundedCluster,
  type ClusterConnectionOptions,
  type ConnectionOptions,
  checkClusterOptions,
  checkOptions as checkIoredisOptions,
  checkNode,
  checkPath,
  checkQuery,
} from "./ioredis-options.js";
import type { ReplicaWait } from "./replica-acks.js";

/** Options of `redisDriver`: the address of Redis, and settings of the driver. */
export type RedisDriverOptions = (
  | {
      /** Address that begins with `redis://` or, for TLS, `rediss://`. */
      readonly url: string;
      /**
       * Further options of ioredis, for example `tls`. On a cluster, the options of the nodes are in `redisOptions`. The driver overrides
       * those that limit the time of a call or change the meaning of commands and replies. It rejects `keyPrefix`, because ioredis would
       * prefix only some of the keys.
       */
      readonly redis?: ConnectionOptions | undefined;
    }
  | {
      /** Some nodes of a Redis Cluster. The driver finds the others through them. */
      readonly cluster: readonly ClusterNode[];
      /**
       * Further options of ioredis. Set user, password and TLS of the nodes in its `redisOptions`. The driver overrides some
       * options, as above. It rejects `keyPrefix`, and a `db` other than 0.
       */
      readonly redis?: ClusterConnectionOptions | undefined;
      /** Number of shards; see `shards` below. */
      readonly shards?: number | undefined;
    }
  | {
      /** Sentinels that watch the master. They are asked for its address at each connect. */
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      /** Name of the master that the sentinels watch. */
      readonly name: string;
      /** Further options of ioredis, for example `username`, `password` and `tls` of the master. See `redis` above. */
      readonly redis?: ConnectionOptions | undefined;
    }
  | {
      /**
       * Client of ioredis (5.10 or later, or 6), from any copy of the package. The driver duplicates it with its own options, and closes only the duplicates. It rejects a client
       * with the option `keyPrefix`, and a Cluster with a `db` other than 0. A reply transformer of `hgetall` does not affect the
       * driver. Transformers of other commands do: they apply to every client of a copy of ioredis.
       */
      readonly client: RedisClient;
      /**
       * Number of shards, 1–1,024. Each shard has its own hash tag and indexes, so a cluster can store shards on different nodes. The
       * number cannot be changed: it is stored under the key prefix, and another number is rejected with INVALID_ARGUMENT.
       * @default 16 on a cluster. On one server there are no shards, and keys have no hash tag
       */
      readonly shards?: number | undefined;
    }
) & {
  /**
   * Prefix of every key. It may contain any characters, but no braces if shards are used. A prefix belongs to one
   * definition: its name, statuses and number of shards are stored there. The first call of a store that does not match fails
   * with INVALID_ARGUMENT, which names both.
   * @default "" : a job is the string at `job:<id>`, and no other key begins with `job:`
   */
  readonly keyPrefix?: string | undefined;
  /**
   * Name of the connections in CLIENT LIST: 1–128 printable ASCII characters without spaces. Connections that wait for
   * events or for outbox messages append `:watch` or `:outbox`. A user who may not run CLIENT SETNAME gets connections
   * without a name.
   * @default the `connectionName` of the options of ioredis, or "@subtitles/job-store"
   */
  readonly connectionName?: string | undefined;
  /** Maximum duration of a call in milliseconds, 10–600,000. @default 2000 */
  readonly timeoutMs?: number | undefined;
  /** Minimum number of events that are kept for `watch`, 1–10,000,000. A watcher that missed more gets `resync`. @default 10_000 */
  readonly eventLogLength?: number | undefined;
  /**
   * Number of replicas that must have a change before it is acknowledged, so that one of them can take over without losing it. If too
   * few have it in time, the call fails with UNAVAILABLE and is `indeterminate`. This costs one round trip to the replicas for each
   * batch of changes. A failover can still lose changes if a replica that lacks them is chosen.
   * @default absent: a change is acknowledged as soon as the primary has applied it
   */
  readonly waitReplicas?:
    | {
        /** Number of replicas, 1–100. */
        readonly count: number;
        /** Time limit in milliseconds, 1–600,000, and not longer than the call. @default the time limit of the call */
        readonly timeoutMs?: number | undefined;
      }
    | undefined;
};

/** Checked options with their defaults. */
export interface ResolvedOptions {
  readonly keyPrefix: string;
  readonly timeoutMs: number;
  readonly eventLogLength: number;
  readonly waitReplicas: ReplicaWait | null;
  /** Number of shards. null: one server without shards, whose keys have no hash tag. */
  readonly shards: number | null;
  /** Opens a connection for calls. ioredis queues none of them. */
  readonly connect: () => Redis | Cluster;
  /** Opens a connection for blocking reads, which wait until it is open. The purpose is part of its name. */
  readonly connectForBlocking: (purpose: Purpose) => Redis | Cluster;
}

/** Purpose of a connection that is not for calls. */
type Purpose = "watch" | "outbox";

interface Connector {
  readonly connect: (bounds: ConnectionOptions) => Redis | Cluster;
  /** Name of the connections in the options of ioredis. */
  readonly connectionName: string | null | undefined;
  readonly isCluster: boolean;
}

const DRIVER_OPTIONS: KeysOf<RedisDriverOptions> = {
  url: true,
  cluster: true,
  sentinels: true,
  name: true,
  client: true,
  redis: true,
  shards: true,
  keyPrefix: true,
  connectionName: true,
  timeoutMs: true,
  eventLogLength: true,
  waitReplicas: true,
};
const REPLICA_WAIT_KEYS: KeysOf<NonNullable<RedisDriverOptions["waitReplicas"]>> = { count: true, timeoutMs: true };

/** @throws JobStoreError INVALID_ARGUMENT */
export function resolveOptions(options: RedisDriverOptions): ResolvedOptions {
  if (typeof options !== "object" || options === null) {
    return invalid('redisDriver needs options, such as { url: "redis://localhost:6379" }.');
  }
  checkOptions(options, DRIVER_OPTIONS, "redisDriver");
  const timeoutMs = checkInteger(options.timeoutMs ?? 2000, "timeoutMs", 10, 600_000);
  const keyPrefix = options.keyPrefix ?? "";
  if (typeof keyPrefix !== "string") invalid("keyPrefix must be a string.");
  if (/\p{Surrogate}/u.test(keyPrefix)) {
    invalid("keyPrefix contains half of a surrogate pair, which UTF-8 cannot encode. Use complete characters.");
  }
  const name = checkName(options.connectionName);
  const { connect, connectionName, isCluster } = connector(options);
  const open = (bounds: ConnectionOptions, purpose?: Purpose) => {
    const client = connect({ ...BOUNDED, ...bounds });
    const named = [name ?? (connectionName || "@subtitles/job-store"), purpose].filter(Boolean).join(":");
    eachConnection(client, (connection) => {
      nameConnection(connection, named);
      requireDatabase(connection);
    });
    return client;
  };
  const shards = shardsOf(options, isCluster);
  if (shards !== null && /[{}]/.test(keyPrefix)) {
    invalid("keyPrefix must not contain { or } if shards are used, because shards add their own hash tags.");
  }
  return {
    keyPrefix,
    timeoutMs,
    eventLogLength: checkInteger(options.eventLogLength ?? 10_000, "eventLogLength", 1, 10_000_000),
    waitReplicas: replicaWaitOf(options.waitReplicas, timeoutMs),
    shards,
    connect: () => {
      const client = open({});
      eachConnection(client, (connection) => closeWhenSilent(connection, timeoutMs));
      return client;
    },
    connectForBlocking: (purpose) => open({ enableOfflineQueue: true }, purpose),
  };
}

/** Checks the name of a connection. CLIENT SETNAME accepts no other characters. */
function checkName(name: unknown): string | undefined {
  if (name === undefined || (typeof name === "string" && /^[!-~]{1,128}$/.test(name))) return name;
  return invalid(`connectionName must be 1 to 128 printable ASCII characters without spaces (got ${show(name)}).`);
}

function replicaWaitOf(wait: RedisDriverOptions["waitReplicas"], callMs: number): ReplicaWait | null {
  if (wait === undefined) return null;
  if (typeof wait !== "object" || wait === null)
    return invalid("waitReplicas must be an object such as { count: 1, timeoutMs: 500 }. timeoutMs is optional.");
  checkKeys(wait, REPLICA_WAIT_KEYS, "waitReplicas");
  return {
    count: checkInteger(wait.count, "waitReplicas.count", 1, 100),
    timeoutMs: checkInteger(wait.timeoutMs ?? callMs, "waitReplicas.timeoutMs", 1, 600_000),
  };
}

function shardsOf(options: RedisDriverOptions, isCluster: boolean): number | null {
  const shards = "shards" in options ? options.shards : undefined;
  if (shards !== undefined) return checkInteger(shards, "shards", 1, 1024);
  return isCluster ? 16 : null;
}

/** Options with the address of Redis. Exactly one of them must be given. */
const TARGETS = ["url", "cluster", "sentinels", "client"];

function connector(options: RedisDriverOptions): Connector {
  const given = Object.entries(options).flatMap(([key, value]) =>
    TARGETS.includes(key) && value !== undefined ? [key] : [],
  );
  if (given.length > 1) {
    invalid(`redisDriver accepts only one of url, cluster, sentinels and client (got ${given.join(" and ")}).`);
  }
  if ("client" in options && options.client !== undefined) return clientConnector(options.client);
  if ("cluster" in options && options.cluster !== undefined) {
    return clusterConnector(options.cluster, checkRedis(options.redis));
  }
  const redis: ConnectionOptions = checkRedis("redis" in options ? options.redis : undefined);
  checkIoredisOptions(redis, "redis");
  const connect =
    "sentinels" in options && options.sentinels !== undefined
      ? sentinelConnect(options, redis)
      : urlConnect(options, redis);
  return { connect, connectionName: redis.connectionName, isCluster: false };
}

function clientConnector(given: RedisClient): Connector {
  const client = checkClient(given);
  const source = "The client";
  if (client.isCluster) {
    const own: ClusterOptions = client.options;
    checkClusterOptions(own, source);
    const connect = (bounds: ConnectionOptions) => duplicateOf(client, [], boundedCluster(bounds, own.redisOptions));
    return { connect, connectionName: own.redisOptions?.connectionName, isCluster: true };
  }
  const own: RedisOptions = client.options;
  checkIoredisOptions(own, source);
  const connect = (bounds: ConnectionOptions) => duplicateOf(client, bounds);
  return { connect, connectionName: own.connectionName, isCluster: false };
}

function clusterConnector(nodes: readonly ClusterNode[], redis: ClusterConnectionOptions): Connector {
  if (!Array.isArray(nodes) || nodes.length === 0) return invalid("cluster must name at least one node.");
  for (const node of nodes) checkNode(node);
  checkClusterOptions(redis, "redis");
  return {
    connect: (bounds) => new Cluster([...nodes], { ...redis, ...boundedCluster(bounds, redis.redisOptions) }),
    connectionName: redis.redisOptions?.connectionName,
    isCluster: true,
  };
}

function sentinelConnect(
  { sentinels, name }: Extract<RedisDriverOptions, { readonly sentinels: unknown }>,
  redis: ConnectionOptions,
): Connector["connect"] {
  if (!Array.isArray(sentinels) || sentinels.length === 0 || typeof name !== "string" || name === "") {
    return invalid("sentinels must name at least one sentinel, and name the master that they watch.");
  }
  return (bounds) =>
    new Redis({ sentinelRetryStrategy: backOff, ...redis, ...bounds, sentinels: [...sentinels], name });
}

function urlConnect(options: object, redis: ConnectionOptions): Connector["connect"] {
  const url: unknown = "url" in options ? options.url : undefined;
  if ("url" in options && (url === undefined || url === "")) {
    const actual = url === undefined ? "undefined" : "empty";
    return invalid(
      `The url of redisDriver is ${actual}. Is the environment variable with the address, for example REDIS_URL, set?`,
    );
  }
  if (typeof url !== "string" || !/^rediss?:\/\//.test(url)) {
    return invalid(
      "redisDriver needs a url that begins with redis:// or rediss://, a cluster, sentinels, or a client of ioredis.",
    );
  }
  if (!URL.canParse(url)) {
    return invalid("The url of redisDriver cannot be parsed. Encode special characters in user and password with %.");
  }
  checkPath(url);
  checkQuery(url, "The query of the url");
  return (bounds) => new Redis(url, { ...redis, ...bounds });
}

function checkRedis(redis: object | undefined): object {
  if (redis === undefined || (typeof redis === "object" && redis !== null)) return redis ?? {};
  return invalid("redis must be an object with options of ioredis.");
}
