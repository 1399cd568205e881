import type { Reading } from "../driver.js";
import { Call } from "./call.js";
import { type Carrier, Lane, Outdated } from "./lane.js";
import type { Budget } from "./line.js";
import { evaluate, scripts } from "./scripts.js";
import type { Server } from "./server.js";

/** A longer MGET would keep other callers waiting. */
const MOST_KEYS = 512;

/** What a key counts of the largest size of a batch. */
const KEY_SIZE = 512;

class Read extends Call<readonly Reading[]> {
  readonly ids: readonly string[];
  /** Of the first of the jobs: one reply may not have them all. */
  readonly texts: (string | null)[] = [];

  constructor(ids: readonly string[]) {
    super(ids.length * KEY_SIZE);
    this.ids = ids;
  }
}

/** Reading jobs: one MGET for those that travel together, if they fit into one reply. */
export class Reads implements Carrier<Read> {
  /** The server has little to do for it, so what counts is how often the client writes. */
  readonly smallest = 32;
  readonly keepsOrder = false;
  readonly #server: Server;
  readonly #lane: Lane<Read>;

  constructor(server: Server) {
    this.#server = server;
    this.#lane = new Lane(this, server.connection);
  }

  run(ids: readonly string[]): Promise<readonly Reading[]> {
    return ids.length <= MOST_KEYS ? this.#read(ids) : this.#readInParts(ids);
  }

  async #readInParts(ids: readonly string[]): Promise<readonly Reading[]> {
    const readings: Reading[] = [];
    for (let first = 0; first < ids.length; first += MOST_KEYS) {
      readings.push(...(await this.#read(ids.slice(first, first + MOST_KEYS))));
    }
    return readings;
  }

  #read(ids: readonly string[]): Promise<readonly Reading[]> {
    const read = new Read(ids);
    this.#lane.add(read);
    return read.promise;
  }

  get isReady(): boolean {
    return this.#server.connection.isReady && this.#server.knownMap !== undefined;
  }

  async prepare(budget: Budget): Promise<void> {
    await this.#server.untilReady(budget);
    await this.#server.map(budget);
  }

  async send(batch: readonly Read[]): Promise<void> {
    const texts = await this.#texts(batch.flatMap(({ ids, texts }) => ids.slice(texts.length)));
    let next = 0;
    for (const { ids, texts: own } of batch) {
      const lacking = ids.length - own.length;
      own.push(...texts.slice(next, next + lacking));
      next += lacking;
    }
    const whole = batch.filter(({ ids, texts }) => texts.length === ids.length);
    const all = whole.flatMap((read) => read.texts);
    const readings = await this.#server.readingsOf(
      whole.flatMap(({ ids }) => ids),
      all,
      batch[0],
    );
    let first = 0;
    for (const read of whole) {
      read.resolve(readings.slice(first, first + read.ids.length));
      first += read.ids.length;
    }
  }

  /** Of the first of the jobs, at least one. */
  async #texts(ids: readonly string[]): Promise<readonly (string | null)[]> {
    const { connection, keys, knownMap } = this.#server;
    if (ids.length === 0) return [];
    const jobs = ids.map(keys.job);
    if (this.#server.fitsOneReply(ids.length)) {
      return connection.once(async (client) => (await client.call("mget", jobs)) as (string | null)[]);
    }
    if (knownMap === undefined) throw new Outdated("the map is not known");
    const [what, ...texts] = (await connection.once((client) =>
      evaluate(client, scripts.read, [keys.map, ...jobs], [knownMap.edition]),
    )) as [string, ...(string | null)[]];
    if (what === "stale") {
      this.#server.forget(knownMap);
      throw new Outdated("the map of the store keeps changing");
    }
    this.#server.confirmMap();
    return texts;
  }

  explain(error: unknown, read: Read): Promise<unknown> {
    return this.#server.name(error, read);
  }
}
