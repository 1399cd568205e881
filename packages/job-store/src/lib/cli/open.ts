import { Redis } from "ioredis";
import { createJobStore } from "../create-store.js";
import type { JobDefinition } from "../definition.js";
import type { JobStorage, JobStoreDriver } from "../driver.js";
import type { RedisDriverOptions } from "../redis/options.js";
import type { AuditReport, JobStore, StoreEvent } from "../store.js";
import { addresses, type Options, wholeNumber } from "./arguments.js";
import { Archive, type FieldValues, type Kept, openDefinition, quietDriver } from "./described.js";
import { UsageError } from "./usage.js";

/** The store that a command works on. */
export interface Opened extends AsyncDisposable {
  readonly store: JobStore<JobDefinition>;
  readonly kept: Kept;
  /** What a job can be found by. */
  fieldsOf(id: string): Promise<Readonly<Record<string, string>>>;
  /** What the jobs that are saved, or looked for, from now on are to be found by. */
  useFields(values: FieldValues): void;
  audit(repair: boolean): Promise<AuditReport>;
  /** Time in milliseconds, by the server's clock, that the oldest message of the outbox has waited; null if there is none. */
  oldestWait(): Promise<number | null>;
  /** Tells what becomes of the connection from now on. */
  hear(listener: (event: StoreEvent) => void): void;
}

/** @throws UsageError; JobStoreError INVALID_ARGUMENT, UNAVAILABLE */
export async function open(options: Options, env: NodeJS.ProcessEnv): Promise<Opened> {
  const target = targetOf(options, env);
  const archive = new Archive(target);
  try {
    const kept = await archive.read("cluster" in target);
    let values: FieldValues = new Map();
    let listener: (event: StoreEvent) => void = () => {};
    const definition = openDefinition(kept, () => values);
    const quiet = quietDriver(withShards(target, kept.shards));
    let storage: JobStorage | undefined;
    const driver: JobStoreDriver = {
      name: quiet.name,
      open: (shape) => {
        const opened = quiet.open(shape);
        storage ??= opened;
        return opened;
      },
    };
    const openWith = (job: JobDefinition) =>
      createJobStore({ job, driver, validateReads: false, historyLimit: 10_000, onEvent: (event) => listener(event) });
    const store = openWith(definition);
    return {
      store,
      kept,
      fieldsOf: (id) => archive.fieldsOf(id, kept.shards),
      useFields: (next) => {
        values = next;
      },
      audit: async (repair) => {
        // What computes the fields is not at hand: a store that declares none leaves those that jobs have.
        await using plain = openWith({ ...definition, index: {} });
        return await plain.audit({ repair });
      },
      oldestWait: async () => storage?.outbox.oldestWait() ?? null,
      hear: (next) => {
        listener = next;
      },
      async [Symbol.asyncDispose]() {
        archive.close();
        await store.close();
      },
    };
  } catch (error) {
    archive.close();
    throw error;
  }
}

/** @throws UsageError */
function targetOf(options: Options, env: NodeJS.ProcessEnv): RedisDriverOptions {
  const url = options.url ?? env.REDIS_URL;
  const common = {
    keyPrefix: options.prefix ?? env.REDIS_KEY_PREFIX ?? "",
    timeoutMs: wholeNumber(options.timeout, "timeout", 2000),
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

/** A store may be spread over shards on one server, too; that takes a client of one's own. */
function withShards(target: RedisDriverOptions, shards: number | null): RedisDriverOptions {
  if (shards === null) return target;
  if ("url" in target) {
    const { url, redis = {}, ...common } = target;
    return { ...common, client: new Redis(url, { ...redis, lazyConnect: true }), shards };
  }
  return "cluster" in target ? { ...target, shards } : target;
}
