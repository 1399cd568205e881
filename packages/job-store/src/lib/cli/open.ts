import { Redis } from "ioredis";
import { type RedisDriverOptions, redisDriver } from "../../redis.js";
import type { JobStoreDriver } from "../driver.js";
import type { StoreEvent } from "../events.js";
import { openRecordedStore, type RecordedStore, type RecordedStoreOptions } from "../store/recorded-store.js";
import { addresses, integerOption, type Options } from "./arguments.js";
import { UsageError } from "./usage.js";

/** Store that a command works on. */
export interface OpenedStore extends RecordedStore {
  /** Sets the listener for events of the connection from now on. */
  onStoreEvent(listener: (event: StoreEvent) => void): void;
}

/** Opens the store that the options or the environment name. @throws UsageError; JobStoreError INVALID_ARGUMENT, UNAVAILABLE */
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
  if (opened === null) throw new UsageError(noStoreMessage(target.keyPrefix));
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

function noStoreMessage(prefix = ""): string {
  const place = prefix === "" ? "without a key prefix" : `under the key prefix "${prefix}"`;
  const colon = prefix === "" || prefix.endsWith(":") ? "" : ` A key prefix usually ends with a colon: "${prefix}:".`;
  return `No job store found ${place}. Check --prefix or REDIS_KEY_PREFIX: a service must have used the store once.${colon}`;
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
    if (options.name === undefined) throw new UsageError("--sentinels requires --name, the name of the master group.");
    const sentinels = addresses(options.sentinels, "sentinels");
    return { ...common, sentinels, name: options.name, redis: credentialsIn(url) };
  }
  if (url === undefined)
    throw new UsageError("No Redis server given. Set REDIS_URL, or use --url, --cluster or --sentinels.");
  return { ...common, url };
}

/** Returns the credentials in a URL. Its address is not used: sentinels and clusters report the addresses of the servers. */
function credentialsIn(url: string | undefined) {
  if (url === undefined) return {};
  if (!URL.canParse(url))
    throw new UsageError("REDIS_URL (or --url) is not a valid URL. It must begin with redis:// or rediss://.");
  const { username, password, protocol } = new URL(url);
  return {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" && { tls: {} }),
  };
}
