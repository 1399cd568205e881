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
