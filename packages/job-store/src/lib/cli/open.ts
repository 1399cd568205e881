import { Redis } from "ioredis";
import { type RedisDriverOptions, redisDriver } from "../../redis.js";
import type { JobStoreDriver } from "../driver.js";
import { openRecordedStore, type RecordedStore, type RecordedStoreOptions } from "../recorded-store.js";
import type { StoreEvent } from "../types.js";
import { addresses, integerOption, type Options } from "./arguments.js";
import { UsageError } from "./usage.js";

/** Store that a command works on. */
export interface OpenedStore extends RecordedStore {
  /** Sets the listener for events of the connection from now on. */
  onStoreEvent(listener: (event: StoreEvent) => void): void;
}

/** @throws UsageError; JobStoreError INVALID_ARGUMENT, UNAVAILABLE */
export async function open(options: Options, env: NodeJS.ProcessEnv): Promise<OpenedStore> {
  const target = targetOf(options, env);
  let listener: (event: StoreEvent) => void = () => {};
  const recorded: RecordedStoreOptions = {
    transitions: options.force === true ? "any" : "recorded",
    onEvent: (event) => listener(event),
  };
  let opened = await openRecordedStore(redisDriver(target), recorded);
  // A prefix with braces cannot have shards.
  if (opened === null && "url" in target && !/[{}]/.test(target.keyPrefix ?? "")) {
    opened = await openRecordedStore(shardedDriver(target), recorded);
  }
  if (opened === null) throw new UsageError(nothingUnder(target.keyPrefix));
  return {
    ...opened,
    onStoreEvent: (next) => {
      listener = next;
    },
  };
}

/** Returns the driver of a store with shards on one server. It uses the recorded number of shards. */
function shardedDriver({ url, redis = {}, ...common }: Extract<RedisDriverOptions, { url: string }>): JobStoreDriver {
  return redisDriver({ ...common, client: new Redis(url, { ...redis, lazyConnect: true }), shards: 1 });
}

function nothingUnder(prefix = ""): string {
  const where = prefix === "" ? "without a key prefix" : `under the key prefix "${prefix}"`;
  return `No store of jobs is there ${where}. Give its keyPrefix with --prefix or REDIS_KEY_PREFIX.`;
}

/** @throws UsageError */
function targetOf(options: Options, env: NodeJS.ProcessEnv): RedisDriverOptions {
  const url = options.url ?? env.REDIS_URL;
  const common = {
    keyPrefix: options.prefix ?? env.REDIS_KEY_PREFIX ?? "",
    timeoutMs: integerOption(options.timeout, "timeout", 2000),
  };
  if (options.cluster !== undefined) {
    const redis = { redisOptions: credentialsIn(url) };
    return { ...common, cluster: [...addresses(options.cluster, "cluster")], redis };
  }
  if (options.sentinels !== undefined) {
    if (options.name === undefined) throw new UsageError("--sentinels needs --name, the master that they watch.");
    const sentinels = addresses(options.sentinels, "sentinels");
    return { ...common, sentinels, name: options.name, redis: credentialsIn(url) };
  }
  if (url === undefined) throw new UsageError("Which Redis? Set REDIS_URL, or give --url, --cluster or --sentinels.");
  return { ...common, url };
}

/** What a URL says besides the address, which sentinels and clusters tell themselves. */
function credentialsIn(url: string | undefined) {
  if (url === undefined) return {};
  if (!URL.canParse(url)) throw new UsageError("REDIS_URL (or --url) is no URL.");
  const { username, password, protocol } = new URL(url);
  return {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" && { tls: {} }),
  };
}
