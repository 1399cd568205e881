import type { ReadResult } from "../driver.js";
import { Call, type CallQueue, type CommandKind, MAX_BATCH } from "./call-queue.js";
import { MAX_SCRIPT_BYTES } from "./index-metadata.js";
import type { Leases } from "./leases.js";
import { readingOf, WRONG_TYPE } from "./read-record.js";
import { evaluate, scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

/** Maximum number of keys of a call. A longer MGET would delay other calls. */
const MAX_KEYS = 512;

/** Share of a key in the maximum size of a batch. */
const KEY_SIZE = 512;

type Texts = readonly (Buffer | string | null)[];

class ReadCall extends Call<readonly ReadResult[]> {
  readonly ids: readonly string[];
  /** Values of the first jobs, since one reply may not contain all. */
  readonly texts: (Buffer | string | null)[] = [];

  constructor(ids: readonly string[]) {
    super(ids.length * KEY_SIZE);
    this.ids = ids;
  }
}

/** Reads jobs: calls of one tick with one MGET, if the jobs fit into one reply. */
export class ReadBatcher implements CommandKind<ReadCall> {
  readonly requirement = "metadata";
  /** Writing to the socket costs the client more than MGET costs the server. */
  readonly minBatch = 32;
  readonly maxBatch = MAX_BATCH;
  readonly #session: RedisSession;
  readonly #leases: Leases;
  readonly #queue: CallQueue<ReadCall>;

  constructor(session: RedisSession, leases: Leases) {
    this.#session = session;
    this.#leases = leases;
    this.#queue = session.executor.queue(this);
  }

  /** Reads jobs, in order, in a batch with other calls. */
  read(ids: readonly string[]): Promise<readonly ReadResult[]> {
    return ids.length <= MAX_KEYS ? this.#add(ids) : this.#readInParts(ids);
  }

  #add(ids: readonly string[]): Promise<readonly ReadResult[]> {
    const call = new ReadCall(ids);
    this.#queue.add(call);
    return call.promise;
  }

  async #readInParts(ids: readonly string[]): Promise<readonly ReadResult[]> {
    const readings: ReadResult[] = [];
    for (let first = 0; first < ids.length; first += MAX_KEYS) {
      readings.push(...(await this.#add(ids.slice(first, first + MAX_KEYS))));
    }
    return readings;
  }

  async send(batch: readonly ReadCall[]): Promise<void> {
    const texts = await this.#texts(batch.flatMap(({ ids, texts }) => ids.slice(texts.length)));
    let next = 0;
    for (const { ids, texts: own } of batch) {
      const missing = ids.length - own.length;
      own.push(...texts.slice(next, next + missing));
      next += missing;
    }
    const complete = batch.filter(({ ids, texts }) => texts.length === ids.length);
    const readings = await this.#readings(
      complete.flatMap(({ ids }) => ids),
      complete.flatMap(({ texts }) => texts),
      batch[0]?.end,
    );
    let first = 0;
    for (const call of complete) {
      call.resolve(readings.slice(first, first + call.ids.length));
      first += call.ids.length;
    }
  }

  toError(error: unknown, call: ReadCall): unknown {
    return this.#session.toError(error, call, this.requirement);
  }

  /** Reads all jobs, with one command for as many as one reply may contain. */
  async readJobs(ids: readonly string[], end?: number): Promise<readonly ReadResult[]> {
    const readings: ReadResult[] = [];
    while (readings.length < ids.length) readings.push(...(await this.#readSome(ids.slice(readings.length), end)));
    return readings;
  }

  /** Reads as many of the jobs, in order, as one reply may contain: at least the first. */
  async #readSome(ids: readonly string[], end = this.#session.executor.defaultEnd()): Promise<readonly ReadResult[]> {
    const texts = await this.#session.read(() => this.#texts(ids), { end });
    return this.#readings(ids.slice(0, texts.length), texts, end);
  }

  /** Returns the jobs with these values, and their leases. */
  async #readings(ids: readonly string[], texts: Texts, end: number | undefined): Promise<readonly ReadResult[]> {
    const absent = ids.filter((_, n) => texts[n] === null);
    const foreign = absent.length === 0 ? NONE : await this.#foreign(absent, end);
    const readings = ids.map((id, n) => {
      const text = texts[n] ?? null;
      return text === null && foreign.has(id) ? WRONG_TYPE : readingOf(id, text);
    });
    return this.#leases.addTo(readings, end);
  }

  /** Values of the first jobs, of at least one. */
  #texts(ids: readonly string[]): Promise<Texts> {
    if (ids.length === 0) return Promise.resolve([]);
    const { connection, keys } = this.#session;
    const jobs = ids.map(keys.job);
    return this.fitOneReply(ids.length)
      ? (connection.client.callBuffer("mget", jobs) as Promise<Texts>)
      : this.#textsByScript(jobs);
  }

  /** Returns true if MGET can read so many jobs, which does not check sizes: the metadata has a bound for the size of a job. */
  fitOneReply(jobs: number): boolean {
    if (jobs === 1) return true;
    if (!this.#session.isMetadataConfirmed) return false;
    return jobs * this.#session.metadata.largest <= MAX_SCRIPT_BYTES;
  }

  async #textsByScript(jobs: readonly string[]): Promise<Texts> {
    const { connection, keys, metadata } = this.#session;
    const reply = await evaluate(connection.client, scripts.read, [keys.metadata, ...jobs], [metadata.revision]);
    const [, ...texts] = this.#session.checkReply(reply, metadata);
    this.#session.confirmMetadata();
    return texts as Texts;
  }

  /** Returns those ids that MGET found absent, but whose key has a value that is not a string. */
  async #foreign(ids: readonly string[], end: number | undefined): Promise<ReadonlySet<string>> {
    const { executor, keys } = this.#session;
    const jobs = ids.map(keys.job);
    const options = end === undefined ? {} : { end };
    if ((await executor.query((client) => client.exists(...jobs), options)) === 0) return NONE;
    const types = await Promise.all(jobs.map((key) => executor.query((client) => client.type(key), options)));
    return new Set(ids.filter((_, n) => types[n] !== "none" && types[n] !== "string"));
  }
}

const NONE: ReadonlySet<string> = new Set();
