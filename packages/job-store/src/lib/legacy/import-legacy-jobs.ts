import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import { type JobStoreOptions, shapeOf } from "../create-store.js";
import type { JobDefinition } from "../definition.js";
import type { StoreShape } from "../driver.js";
import { checkClient, type RedisClient } from "../redis/client.js";
import { RedisConnection } from "../redis/connection.js";
import { Executor } from "../redis/executor.js";
import { MAX_RECORD_BYTES } from "../redis/index-metadata.js";
import { keysUnder } from "../redis/keys.js";
import { setUp } from "../redis/options.js";
import { asPattern } from "../redis/permissions.js";
import { openShard } from "../redis/redis-driver.js";
import { replyCode } from "../redis/redis-errors.js";
import type { RedisStorage } from "../redis/redis-storage.js";
import type { LegacyMap } from "./legacy-map.js";
import { carryOut, judge, type Verdict } from "./take-over.js";

/** From where, and how the old jobs are understood. */
export interface LegacyImportOptions<D extends JobDefinition>
  extends Pick<JobStoreOptions<D>, "ttlSeconds" | "historyLimit" | "maxRecordBytes"> {
  /** Connected to the one Redis that the older system used. Duplicated, and only the duplicate is closed. */
  readonly client: RedisClient;
  /** How to understand the old values; `legacySubtitleJob` knows those of the Python subtitle services. */
  readonly map: LegacyMap<D>;
  /** What the old keys have before `job:`, and the store will have. @default "" */
  readonly keyPrefix?: string | undefined;
  /** Changes nothing, and reports what would happen. @default false */
  readonly dryRun?: boolean | undefined;
  /** Told of each value that cannot be taken over. It is left as it is. An error thrown here ends the import. */
  readonly onProblem?: ((problem: LegacyProblem) => void) | undefined;
  /** Ends the import early, with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
  /** No step takes longer; 10–600,000 ms. @default 2000 */
  readonly timeoutMs?: number | undefined;
}

/** A value that could not be taken over, and why. */
export interface LegacyProblem {
  /** With its prefix, as Redis has it. */
  readonly key: string;
  /** In plain words; it does not repeat the value. */
  readonly reason: string;
}

/** How many keys under `job:` met with what. On a dry run: would have. */
export interface LegacyImport {
  /** Values that became jobs of the store. */
  readonly takenOver: number;
  /** Jobs of the store: left alone. */
  readonly alreadyTakenOver: number;
  /** Their status's TTL, counted from when they were last updated, has run out: removed, as the store would have. */
  readonly expired: number;
  /** Hold no string, and so no job: left alone. */
  readonly skipped: number;
  /** Could not be understood, each told to `onProblem`: left alone. */
  readonly problems: number;
}

const IMPORT_OPTIONS: KeysOf<LegacyImportOptions<JobDefinition>> = {
  client: true,
  map: true,
  keyPrefix: true,
  dryRun: true,
  onProblem: true,
  signal: true,
  timeoutMs: true,
  ttlSeconds: true,
  historyLimit: true,
  maxRecordBytes: true,
};

/** Keys looked at in one step: enough to be quick, too few for other clients to notice. */
const BATCH = 500;

/** How often a value is judged anew that changed meanwhile. */
const MOST_TRIES = 3;

/**
 * Takes over, in place, the jobs that an older system keeps as JSON strings at `job:<id>`. Each is replaced by the store's
 * record and entered in the indexes in one atomic step, if the value is still the one that was read. So the import can be
 * interrupted anywhere and run again: nothing is lost, nothing happens twice, and jobs of the store are left alone.
 *
 * The older system must not run meanwhile or afterwards: it does not know the records. Drain it, import, switch over;
 * `docs/guides/migrating-from-python.md` has the steps. Messages are not part of it.
 *
 * ```ts
 * const report = await importLegacyJobs({ client, map: legacySubtitleJob, dryRun: true, onProblem: console.warn });
 * ```
 *
 * Jobs whose time is over are removed; `ttlSeconds` that are longer (0: for ever) keep them.
 *
 * @throws JobStoreError INVALID_ARGUMENT, UNAVAILABLE; the reason of `signal`; whatever `onProblem` throws
 */
export async function importLegacyJobs<D extends JobDefinition>(
  options: LegacyImportOptions<D>,
): Promise<LegacyImport> {
  const { map, client, keyPrefix, timeoutMs } = checkOptions(options, IMPORT_OPTIONS, "importLegacyJobs");
  if (typeof map?.read !== "function" || typeof map.job?.statuses !== "object") {
    return invalid("importLegacyJobs needs a `map` with the definition `job` and the function `read`.");
  }
  const setup = setUp({ client: checkClient(client), keyPrefix, timeoutMs });
  if (setup.shards !== null)
    invalid("importLegacyJobs takes over jobs in place, on one Redis: a cluster keeps them elsewhere.");
  const { ttlSeconds, historyLimit, maxRecordBytes } = options;
  const shape = shapeOf({ job: map.job, ttlSeconds, historyLimit, maxRecordBytes });
  const connection = new RedisConnection(setup.connect("import"), shape.emit);
  const storage = openShard(connection, setup.keyPrefix, setup, shape);
  const keys = keysUnder(setup.keyPrefix);
  try {
    const executor = new Executor(connection, setup.timeoutMs, null);
    return await new Import(options, shape, storage, executor, keys.job("")).run();
  } finally {
    await storage.close();
    connection.close();
  }
}

/** Returns 0 for the size of a key that is not a string, and rethrows every other error. */
function zeroIfForeign(error: unknown): number {
  if (replyCode(error) === "WRONGTYPE") return 0;
  throw error;
}

class Import<D extends JobDefinition> {
  readonly #options: LegacyImportOptions<D>;
  readonly #shape: StoreShape;
  readonly #storage: RedisStorage;
  readonly #executor: Executor;
  readonly #jobPrefix: string;
  /** A scan may show a key twice. */
  readonly #seen = new Set<string>();
  readonly #counts = { takenOver: 0, alreadyTakenOver: 0, expired: 0, skipped: 0, problems: 0 };

  constructor(
    options: LegacyImportOptions<D>,
    shape: StoreShape,
    storage: RedisStorage,
    executor: Executor,
    jobPrefix: string,
  ) {
    this.#options = options;
    this.#shape = shape;
    this.#storage = storage;
    this.#executor = executor;
    this.#jobPrefix = jobPrefix;
  }

  async run(): Promise<LegacyImport> {
    const pattern = `${asPattern(this.#jobPrefix)}*`;
    let cursor = "0";
    do {
      this.#options.signal?.throwIfAborted();
      const [next, found] = await this.#executor.query((client) =>
        client.scan(cursor, "MATCH", pattern, "COUNT", BATCH),
      );
      const fresh = found.filter((key) => key.startsWith(this.#jobPrefix) && !this.#seen.has(key));
      for (const key of fresh) this.#seen.add(key);
      for (const some of await this.#inParts(fresh)) await this.#takeOver(some, MOST_TRIES);
      cursor = next;
    } while (cursor !== "0");
    return this.#counts;
  }

  /** Splits keys into groups whose values fit into one reply. No map has a bound for their sizes. */
  async #inParts(keys: readonly string[]): Promise<readonly (readonly string[])[]> {
    const sizes = await this.#executor.query((client) =>
      Promise.all(keys.map((key) => client.strlen(key).catch(zeroIfForeign))),
    );
    const parts: string[][] = [];
    let left = 0;
    for (const [n, key] of keys.entries()) {
      const size = sizes[n] ?? 0;
      const part = size <= left ? parts.at(-1) : undefined;
      if (part === undefined) {
        parts.push([key]);
        left = MAX_RECORD_BYTES - size;
      } else {
        part.push(key);
        left -= size;
      }
    }
    return parts;
  }

  async #takeOver(keys: readonly string[], triesLeft: number): Promise<void> {
    if (keys.length === 0) return;
    const [texts, now] = await this.#read(keys);
    const changed = await Promise.all(
      keys.map(async (key, n) => {
        const text = texts[n];
        // A scan has just shown it, so it holds something else; at a second try it has gone, as what expired does.
        if (typeof text !== "string") return void this.#counts[triesLeft === MOST_TRIES ? "skipped" : "expired"]++;
        const settled = await this.#settle(key, text, now);
        if (settled === null) return key;
        this.#count(key, settled);
        return undefined;
      }),
    );
    const again = changed.filter((key) => key !== undefined);
    if (triesLeft > 1) return this.#takeOver(again, triesLeft - 1);
    for (const key of again)
      this.#count(key, { kind: "problem", reason: "it keeps changing: is the older system still running?" });
  }

  async #read(keys: readonly string[]): Promise<readonly [readonly (string | null)[], number]> {
    return this.#executor.query(async (client) => {
      const [texts, [seconds, micros]] = await Promise.all([client.mget([...keys]), client.time()]);
      return [texts, Number(seconds) * 1000 + Number(micros) / 1000] as const;
    });
  }

  /** null: the value has changed since it was read. */
  async #settle(key: string, text: string, now: number): Promise<Verdict | null> {
    const id = key.slice(this.#jobPrefix.length);
    const verdict = judge(this.#options.map, this.#shape, id, text, now);
    return this.#options.dryRun === true ? verdict : carryOut(this.#storage, id, text, verdict);
  }

  #count(key: string, verdict: Verdict): void {
    if (verdict.kind !== "problem") {
      this.#counts[verdict.kind]++;
      return;
    }
    this.#counts.problems++;
    this.#options.onProblem?.({ key, reason: verdict.reason });
  }
}
