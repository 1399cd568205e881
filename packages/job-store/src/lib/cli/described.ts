import { $ZodUnknown } from "zod/v4/core";
import type { JobDefinition } from "../definition.js";
import { type Description, readDescription } from "../description.js";
import type { JobStoreDriver } from "../driver.js";
import { RedisConnection } from "../redis/connection.js";
import { Executor } from "../redis/executor.js";
import { readMetadata } from "../redis/index-metadata.js";
import { keysUnder } from "../redis/keys.js";
import { type RedisDriverOptions, setUp } from "../redis/options.js";
import { redisDriver } from "../redis/redis-driver.js";
import { shardOf, tagOf } from "../redis/sharded-storage.js";
import { UsageError } from "./usage.js";

/** What is kept beside the jobs. */
export interface Kept {
  readonly definition: string;
  /** null: jobs are not spread. */
  readonly shards: number | null;
  /** null: no store has started yet that keeps it. */
  readonly description: Description | null;
  /** Every status that any job may be in, with the TTL that it got last, in milliseconds. */
  readonly statuses: ReadonlyMap<string, number>;
  /** Every field that any job may be found by. */
  readonly fields: readonly string[];
}

/** Reads what a store keeps besides its jobs. */
export class Archive {
  readonly #connection: RedisConnection;
  readonly #executor: Executor;
  readonly #prefix: string;

  /** @throws JobStoreError INVALID_ARGUMENT */
  constructor(options: RedisDriverOptions) {
    const { connect, keyPrefix, timeoutMs } = setUp(options);
    this.#connection = new RedisConnection(connect(), () => undefined);
    this.#executor = new Executor(this.#connection, timeoutMs, null);
    this.#prefix = keyPrefix;
  }

  /** @throws UsageError where no jobs live; JobStoreError UNAVAILABLE */
  async read(onCluster: boolean): Promise<Kept> {
    const prefixes = [...(onCluster ? [] : [this.#prefix]), `${this.#prefix}${tagOf(0)}`];
    for (const prefix of prefixes) {
      const { map } = keysUnder(prefix);
      const stored = await this.#executor.query((client) => readMetadata(client, map));
      if (stored.edition === undefined) continue;
      const codes: readonly [string, number][] = JSON.parse(stored.codes ?? "[]");
      return {
        definition: JSON.parse(stored.definition ?? '""'),
        shards: prefix === this.#prefix ? null : Number(stored.shards),
        description: readDescription(stored.description),
        statuses: new Map(codes),
        fields: JSON.parse(stored.fields ?? "[]"),
      };
    }
    const where = this.#prefix === "" ? "without a key prefix" : `under the key prefix "${this.#prefix}"`;
    throw new UsageError(`No store of jobs is there ${where}. Give its keyPrefix with --prefix or REDIS_KEY_PREFIX.`);
  }

  /** What a job can be found by. */
  async fieldsOf(id: string, shards: number | null): Promise<Readonly<Record<string, string>>> {
    const { values } = keysUnder(this.#prefix + (shards === null ? "" : tagOf(shardOf(id, shards))));
    const lines = (await this.#executor.query((client) => client.hget(values, id))) ?? "";
    const pairs = lines.split("\n").filter((line) => line !== "");
    return Object.fromEntries(
      pairs.map((line) => {
        const cut = line.indexOf("=");
        return [line.slice(0, cut), JSON.parse(line.slice(cut + 1))];
      }),
    );
  }

  close(): void {
    this.#connection.close();
  }
}

/** What a job is to be found by, where the definition's own functions are not at hand. */
export type FieldValues = ReadonlyMap<string, string>;

/**
 * A definition that takes every job that is kept, and lets it take every step: what the lifecycle says is looked up in the
 * description.
 */
export function openDefinition(kept: Kept, valuesOf: () => FieldValues): JobDefinition {
  const anything = new $ZodUnknown({ type: "unknown" });
  const statuses = [...kept.statuses.keys()];
  const rule = (status: string) => ({
    next: statuses,
    final: kept.description?.statuses[status]?.final ?? false,
    ttlSeconds: (kept.description?.statuses[status]?.ttlMs ?? kept.statuses.get(status) ?? 0) / 1000,
  });
  return {
    name: kept.definition,
    data: anything,
    result: anything,
    progress: anything,
    initial: kept.description?.initial ?? statuses[0] ?? "",
    statuses: Object.fromEntries(statuses.map((status) => [status, rule(status)])),
    index: Object.fromEntries(kept.fields.map((field) => [field, () => valuesOf().get(field)])),
  };
}

/** A driver whose stores leave the description alone: theirs is not the definition's. */
export function quietDriver(options: RedisDriverOptions): JobStoreDriver {
  const driver = redisDriver(options);
  return { name: driver.name, open: (shape) => driver.open({ ...shape, description: null }) };
}
