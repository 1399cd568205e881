import type { Reading, StoreShape } from "../driver.js";
import { unavailable } from "../errors.js";
import type { StoreEvent } from "../store.js";
import { type CodeMap, loadCodeMap, type Meaning } from "./code-map.js";
import type { Connection } from "./connection.js";
import {
  inPlainWords,
  isDenial,
  isUnknownCommand,
  outOfTime,
  REFUSES_WRITES,
  reasonOf,
  replyCode,
  WrongType,
} from "./faults.js";
import type { Keys } from "./keys.js";
import { MOST_TOUCHED } from "./limits.js";
import type { Budget } from "./line.js";
import { PermissionCheck } from "./permission-check.js";
import { FOREIGN, readingOf } from "./read-record.js";
import { evaluate, type Script, scripts } from "./scripts.js";

/** A script's reply: what happened, then what belongs to it. */
export type Reply = readonly [string, ...unknown[]];

const NONE: ReadonlySet<string> = new Set();

/** After this long without a script that compared its edition, the map may be out of date. */
const CONFIRMED_MS = 1000;

/** The server as scripts see it: they are given the map and the deadline they need, and repeated where these were old. */
export class Server {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly #shape: StoreShape;
  readonly #shards: number;
  readonly #permissions: PermissionCheck;
  readonly #emit: (event: StoreEvent) => void;
  #map: CodeMap | undefined;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #refusing = false;

  constructor(connection: Connection, keys: Keys, shape: StoreShape, shards: number) {
    this.connection = connection;
    this.keys = keys;
    this.#permissions = new PermissionCheck(connection, keys);
    this.#shape = shape;
    this.#shards = shards;
    this.#emit = shape.emit;
  }

  /** The map that was last read. @throws JobStoreError INVALID_ARGUMENT where another definition lives here */
  async map(budget: Budget): Promise<CodeMap> {
    if (this.#map === undefined) {
      this.#map = await this.#named(budget, () => loadCodeMap(this, this.#shape, this.#shards, budget));
      this.confirmMap();
    }
    return this.#map;
  }

  /** Gives more meanings a code. @throws JobStoreError INVALID_ARGUMENT, UNAVAILABLE */
  async addCodes(meanings: readonly Meaning[], budget: Budget): Promise<void> {
    this.#map = await this.#named(budget, () => loadCodeMap(this, this.#shape, this.#shards, budget, meanings));
  }

  /** Waits until commands can go out. @throws JobStoreError UNAVAILABLE */
  untilReady(budget: Budget): Promise<void> {
    return this.#named(budget, () => this.connection.untilReady(budget));
  }

  get knownMap(): CodeMap | undefined {
    return this.#map;
  }

  /** A script found that there is another one by now. */
  forget(map: CodeMap): void {
    if (this.#map === map) this.#map = undefined;
  }

  /** A script has just found that the map is the present one. */
  confirmMap(): void {
    this.#confirmedAt = performance.now();
  }

  /** Whether the user of this connection is known to be allowed all that scripts do. */
  get isPermitted(): boolean {
    return this.#permissions.passed;
  }

  /** Scripts do not roll back: what they may not do must be known before. @throws JobStoreError UNAVAILABLE, INVALID_ARGUMENT */
  async permit(budget: Budget): Promise<void> {
    if (!this.isPermitted) await this.read((client) => this.#permissions.pass(client, budget), budget);
  }

  /**
   * Runs a script that changes something: it is told its deadline.
   * @throws JobStoreError UNAVAILABLE; WrongType
   */
  async mutate(
    script: Script,
    keys: readonly string[],
    argsOf: (deadline: number) => readonly (string | number)[],
    budget = this.connection.budget(),
  ): Promise<Reply> {
    for (;;) {
      const reply = await this.#named(budget, () =>
        this.connection.perform(async (client, deadline) => {
          if (!this.isPermitted) await this.#permissions.pass(client, budget);
          try {
            return (await evaluate(client, script, keys, argsOf(deadline))) as Reply;
          } catch (error) {
            // A permission that was taken away since: nobody knows how far the script came.
            budget.doubtful ||= this.isDenialMidway(error);
            throw error;
          }
        }, budget),
      );
      if (reply[0] !== "late") {
        this.accepted();
        return reply;
      }
      if (performance.now() >= budget.end) throw outOfTime(budget, "the deadline passed on the way");
      this.connection.doubtClock();
    }
  }

  /** Runs a script that takes the map's edition first, anew with the present map where it was an old one. */
  async withMap(
    run: (map: CodeMap, budget: Budget) => Promise<Reply>,
    budget = this.connection.budget(),
  ): Promise<{ reply: Reply; map: CodeMap }> {
    for (;;) {
      // Without waiting where the map is known: then what is run goes out this moment.
      const map = this.#map ?? (await this.map(budget));
      const reply = await run(map, budget);
      if (reply[0] !== "stale") {
        this.confirmMap();
        return { reply, map };
      }
      this.forget(map);
    }
  }

  /** Runs a script that only reads. @throws JobStoreError UNAVAILABLE; WrongType */
  script(script: Script, keys: readonly string[], args: readonly (string | number)[], budget: Budget): Promise<Reply> {
    return this.read(async (client) => (await evaluate(client, script, keys, args)) as Reply, budget);
  }

  /** Reads jobs, as many at a time as one reply may have. */
  async readJobs(ids: readonly string[], budget = this.connection.budget()): Promise<readonly Reading[]> {
    const readings: Reading[] = [];
    while (readings.length < ids.length) readings.push(...(await this.readSome(ids.slice(readings.length), budget)));
    return readings;
  }

  /** Reads jobs, in order, as many as one reply may have: at least the first. */
  async readSome(ids: readonly string[], budget = this.connection.budget()): Promise<readonly Reading[]> {
    const texts = this.fitsOneReply(ids.length)
      ? await this.read((client) => client.mget(ids.map(this.keys.job)), budget)
      : await this.#readByScript(ids, budget);
    return this.readingsOf(ids.slice(0, texts.length), texts, budget);
  }

  /** Whether so many jobs can be read by MGET, which asks for no sizes: the map tells how large they are at most. */
  fitsOneReply(jobs: number): boolean {
    if (jobs === 1) return true;
    if (this.#map === undefined || performance.now() - this.#confirmedAt > CONFIRMED_MS) return false;
    return jobs * this.#map.largest <= MOST_TOUCHED;
  }

  async #readByScript(ids: readonly string[], budget: Budget): Promise<readonly (string | null)[]> {
    const keys = [this.keys.map, ...ids.map(this.keys.job)];
    const { reply } = await this.withMap((map) => this.script(scripts.read, keys, [map.edition], budget), budget);
    return reply.slice(1) as readonly (string | null)[];
  }

  /** What MGET gave; and where that is nothing, whether the key holds something else, which MGET does not tell. */
  async readingsOf(
    ids: readonly string[],
    texts: readonly (string | null)[],
    budget: Budget = this.connection.budget(),
  ): Promise<readonly Reading[]> {
    const absent = texts.includes(null) ? ids.filter((_, n) => texts[n] === null).map(this.keys.job) : [];
    const foreign = absent.length === 0 ? NONE : await this.#foreign(absent, budget);
    return ids.map((id, n) => {
      const text = texts[n] ?? null;
      return text === null && foreign.has(this.keys.job(id)) ? FOREIGN : readingOf(id, text);
    });
  }

  /** Which of the keys that MGET found empty hold something that is no string. */
  async #foreign(keys: readonly string[], budget: Budget): Promise<ReadonlySet<string>> {
    if ((await this.read((client) => client.exists(...keys), budget)) === 0) return NONE;
    const types = await Promise.all(keys.map((key) => this.read((client) => client.type(key), budget)));
    return new Set(keys.filter((_, n) => types[n] !== "none" && types[n] !== "string"));
  }

  /** Runs what only reads. @throws JobStoreError UNAVAILABLE; WrongType */
  read<T>(command: Parameters<typeof this.connection.perform<T>>[0], budget = this.connection.budget()): Promise<T> {
    return this.#named(budget, () => this.connection.perform(command, budget));
  }

  async #named<T>(budget: Budget, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw await this.name(error, budget);
    }
  }

  /** What a caller is told of the server's refusal. */
  async name(error: unknown, budget: Budget): Promise<unknown> {
    const code = replyCode(error);
    if (code === null) return error;
    if (code === "WRONGTYPE") return new WrongType();
    if (isDenial(reasonOf(error)) || isUnknownCommand(reasonOf(error))) {
      return unavailable(await this.#permissions.explain(reasonOf(error), budget), budget.doubtful);
    }
    if (REFUSES_WRITES.has(code)) this.#refused(reasonOf(error));
    return unavailable(`Redis refused the call: ${inPlainWords(reasonOf(error))}.`, budget.doubtful);
  }

  /** Whether a script was denied something after it had begun. */
  isDenialMidway(error: unknown): boolean {
    return isDenial(reasonOf(error)) && reasonOf(error).includes("script");
  }

  #refused(reason: string): void {
    if (!this.#refusing) this.#emit({ type: "degraded", message: `Redis refuses to write: ${reason}.` });
    this.#refusing = true;
  }

  /** The server takes writes. */
  accepted(): void {
    if (this.#refusing) this.#emit({ type: "recovered", message: "Redis takes writes again." });
    this.#refusing = false;
  }
}
