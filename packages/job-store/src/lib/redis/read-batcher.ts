import type { ReadResult } from "../driver.js";
import { Call, type CallQueue, type CommandKind, MAX_BATCH } from "./call-queue.js";
import { runPipeline, valuesOf } from "./connection.js";
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
  /** The first jobs, since one reply may not contain all. */
  readonly readings: ReadResult[] = [];

  constructor(ids: readonly string[]) {
    super(ids.length * KEY_SIZE);
    this.ids = ids;
  }
}

/** Reads jobs: calls of one tick with one MGET and in the same round trip their leases, if the jobs fit into one reply. */
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
    // After the connection was lost, another attempt can read the same jobs before this one ends.
    const parts = batch.map((call) => ({ call, first: call.readings.length }));
    const found = await this.#readFirst(
      parts.flatMap(({ call, first }) => call.ids.slice(first)),
      batch[0]?.end,
    );
    let next = 0;
    for (const { call, first } of parts) {
      const count = call.ids.length - first;
      if (call.readings.length === first) call.readings.push(...found.slice(next, next + count));
      next += count;
      if (call.readings.length === call.ids.length) call.resolve(call.readings);
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

  /** Reads the first jobs as a call of its own, without other calls in its batch. */
  #readSome(ids: readonly string[], end = this.#session.executor.defaultEnd()): Promise<readonly ReadResult[]> {
    return this.#session.read(() => this.#readFirst(ids, end), { end });
  }

  /** Reads as many of the jobs, in order, as one reply may contain, at least the first, and their leases. */
  async #readFirst(ids: readonly string[], end: number | undefined): Promise<readonly ReadResult[]> {
    if (ids.length === 0) return [];
    const { connection, keys } = this.#session;
    const jobs = ids.map(keys.job);
    const inOneReply = this.fitOneReply(ids.length);
    if (inOneReply && this.#leases.inPipeline) {
      const commands = [["mget", ...jobs] as const, ...this.#leases.commandsFor(ids)];
      const [texts, ...leases] = valuesOf(await runPipeline(connection.client, commands, "buffers"));
      return this.#leases.addFrom(await this.#readings(ids, texts as Texts, end), leases);
    }
    const texts = inOneReply ? await connection.client.callBuffer("mget", jobs) : await this.#textsByScript(jobs);
    return this.#leases.addTo(await this.#readings(ids, texts as Texts, end), end);
  }

  /** Returns the first jobs, with these values. */
  async #readings(ids: readonly string[], texts: Texts, end: number | undefined): Promise<readonly ReadResult[]> {
    const absent = ids.filter((_, n) => texts[n] === null);
    const foreign = absent.length === 0 ? NONE : await this.#foreign(absent, end);
    return texts.map((text, n) => {
      const id = ids[n] ?? "";
      return text === null && foreign.has(id) ? WRONG_TYPE : readingOf(id, text);
    });
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
