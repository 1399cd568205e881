import type { Reading } from "../driver.js";
import { Call } from "./call.js";
import { type Carrier, Lane } from "./lane.js";
import type { Budget } from "./line.js";
import type { Server } from "./server.js";

/** A longer MGET would keep other callers waiting. */
const MOST_KEYS = 512;

/** What a key counts of the largest size of a batch. */
const KEY_SIZE = 512;

class Read extends Call<readonly Reading[]> {
  readonly ids: readonly string[];

  constructor(ids: readonly string[]) {
    super(ids.length * KEY_SIZE);
    this.ids = ids;
  }
}

/** Reading jobs: one MGET for those that travel together. */
export class Reads implements Carrier<Read> {
  /** The server has little to do for it, so what counts is how often the client writes. */
  readonly smallest = 32;
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
    const { connection, keys } = this.#server;
    const ids = batch.length === 1 ? (batch[0]?.ids ?? []) : batch.flatMap((read) => read.ids);
    const texts = (await connection.once((client) => client.call("mget", ids.map(keys.job)))) as (string | null)[];
    const readings = await this.#server.readingsOf(ids, texts, batch[0]);
    let next = 0;
    for (const read of batch) {
      const first = next;
      next += read.ids.length;
      read.resolve(readings.slice(first, next));
    }
  }

  explain(error: unknown, read: Read): Promise<unknown> {
    return this.#server.name(error, read);
  }
}
