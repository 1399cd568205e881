import { randomBytes } from "node:crypto";
import type { Cluster, Redis, RedisCommander, RedisOptions } from "ioredis";
import { Condition } from "../condition.js";
import { type JobStoreError, unavailable } from "../errors.js";
import type { StoreEvent } from "../events.js";
import { classify, connectionHint, explain, RetryableError, reasonOf } from "./redis-errors.js";

/** Commands of ioredis that the driver uses. */
export type Client = RedisCommander & Pick<Redis, "pipeline"> & Partial<Pick<Redis, "stream">>;

/** Deadline of a call. */
export interface Deadline {
  /** Time in milliseconds by `performance.now()`. */
  readonly end: number;
  /** True if an attempt of the call was sent whose result is unknown. */
  readonly indeterminate: boolean;
}

const NO_REPLY_YET = "it has not replied yet";

/**
 * One multiplexed connection; for a cluster, one to each node. ioredis does not resend or queue commands (docs/decisions/0002),
 * except on a cluster.
 */
export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #emit: (event: StoreEvent) => void;
  #open = false;
  #lossReported = false;
  #closed = false;
  #epoch = 0;
  #id = "";
  #everOpened = false;
  #lastError = NO_REPLY_YET;
  readonly #untilOpen = new Condition();
  readonly #lossListeners: (() => void)[] = [];
  readonly #openListeners: (() => void)[] = [];
  /** Ids of the runs of all servers that have answered. */
  readonly #runs = new Set<string>();

  constructor(client: Redis | Cluster, emit: (event: StoreEvent) => void) {
    this.#client = client;
    this.#emit = emit;
    client.on("connect", () => {
      // A known reason, such as a wrong password, stays until another one replaces it.
      if (this.#lastError === NO_REPLY_YET) this.#lastError = "it accepts the connection but does not reply";
    });
    client.on("ready", () => this.#opened());
    client.on("close", () => this.#lost());
    client.on("error", (error) => this.recordError(error));
    // Another set of nodes may have other clocks, permissions and scripts.
    client.on("+node", () => void this.#epoch++);
    client.on("-node", () => void this.#epoch++);
    client.on("node error", (error) => this.recordError(error));
    if (client.status === "ready") this.#opened();
  }

  get client(): Client {
    return this.#client;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Number that changes with each new connection, and with each change of a cluster's nodes. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Eight letters and digits that identify the connection among those of all clients. They stay the same after it is lost. */
  get id(): string {
    return this.#id;
  }

  /** True if ioredis may send a command twice. It does on a cluster. */
  get mayResend(): boolean {
    return this.#client.isCluster;
  }

  /** Human-readable last error. Before the first connection, it includes a hint at the usual cause. */
  get lastError(): string {
    return this.#everOpened
      ? this.#lastError
      : this.#lastError + connectionHint(this.#lastError, usesTls(this.#client));
  }

  recordError(error: unknown): void {
    this.#lastError = explain(reasonOf(error));
  }

  /** Returns the error of a call that cannot be sent because there is no connection. */
  noConnection(indeterminate: boolean): JobStoreError<"UNAVAILABLE"> {
    return unavailable(`No connection to Redis: ${this.lastError}.`, indeterminate);
  }

  /** Adds a function that is called each time the connection is lost. */
  onLoss(listener: () => void): void {
    this.#lossListeners.push(listener);
  }

  /** Adds a function that is called each time the connection has opened. */
  onOpen(listener: () => void): void {
    this.#openListeners.push(listener);
  }

  /**
   * Notes the run of a server: each start of a server has another id.
   * @param previous run that answered before; "": none is known
   */
  noteRun(run: string, previous: string): void {
    const isKnown = this.#runs.has(run);
    this.#runs.add(run);
    // Shards of one server notice the same restart. A shard that moved to a known server has lost nothing.
    if (isKnown || previous === "") return;
    const message = "Redis was restarted, or another server has taken over. Its last writes may be lost.";
    this.#emit({ type: "restarted", message });
  }

  /** @throws JobStoreError UNAVAILABLE if the connection is not open before the deadline */
  async waitUntilConnected({ end, indeterminate }: Deadline): Promise<void> {
    if (!this.#open) await this.#untilOpen.wait(end - performance.now());
    // The connection may have opened while the event loop was busy.
    if (!this.#open) await new Promise(setImmediate);
    if (!this.#open) throw this.noConnection(indeterminate);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
    this.#lost();
  }

  #opened(): void {
    // The connection was closed while it was opening, or its database was rejected.
    if (this.#closed || isDestroyed(this.#client)) return;
    this.#epoch++;
    this.#id = randomBytes(5).readUIntBE(0, 5).toString(36).padStart(8, "0");
    this.#open = true;
    this.#everOpened = true;
    this.#lossReported = false;
    this.#lastError = "the connection was lost";
    this.#emit({ type: "connected", message: "Connected to Redis." });
    this.#untilOpen.notify();
    for (const listener of this.#openListeners) listener();
  }

  #lost(): void {
    this.#open = false;
    for (const listener of this.#lossListeners) listener();
    if (this.#closed || this.#lossReported) return;
    this.#lossReported = true;
    this.#emit({
      type: "disconnected",
      message: `No connection to Redis (${this.lastError}). The driver keeps trying to reconnect.`,
    });
  }
}

/** Returns true if the only connection of this client has been closed. */
function isDestroyed(client: Redis | Cluster): boolean {
  return "stream" in client && client.stream.destroyed;
}

function usesTls({ options }: Redis | Cluster): boolean {
  return ("redisOptions" in options ? options.redisOptions?.tls : (options as RedisOptions).tls) !== undefined;
}

/** A measurement is repeated after this time: clocks drift, and another server may have taken over the key. */
const MAX_CLOCK_AGE_MS = 10_000;

/** Reads the clock of a server, and the id of its run if the user may run INFO. */
const MEASURE = `local clock, info = redis.call('TIME'), redis.pcall('INFO', 'server')
return { clock[1], clock[2], type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '' }`;

/** Lower bound of the difference between a server's clock and `performance.now()`, measured on one connection. */
export class ServerClock {
  #offset = 0;
  #epoch = -1;
  #measuredAt = 0;

  isKnown(epoch: number): boolean {
    return this.#epoch === epoch;
  }

  get isOld(): boolean {
    return performance.now() - this.#measuredAt > MAX_CLOCK_AGE_MS;
  }

  /** Returns the server's time in milliseconds since 1970, or a little less. */
  now(): number {
    return Math.floor(performance.now() + this.#offset);
  }

  /** Converts the end of a call to the server's clock. The result is rounded down, so that it passes on the server before the call fails. */
  deadline(end: number): number {
    return Math.floor(end + this.#offset) - 1;
  }

  /**
   * Measures the offset on the server of a key. The key itself is not used. The server reads its clock before the reply arrives.
   * @returns the id of the run of this server; "": not known
   */
  async measure(client: Client, key: string, epoch: number): Promise<string> {
    // On a cluster, a script is sent to the server of its key. TIME and INFO have no key.
    const reply = await client.eval(MEASURE, 1, key);
    const [seconds, micros, run] = reply as readonly [string, string, string];
    this.#offset = Number(seconds) * 1000 + Number(micros) / 1000 - performance.now();
    this.#epoch = epoch;
    this.#measuredAt = performance.now();
    return run;
  }

  /** Postpones the next measurement for `isOld`. */
  markMeasured(): void {
    this.#measuredAt = performance.now();
  }

  /** Makes the next write measure the offset again. */
  invalidate(): void {
    this.#epoch = -1;
  }
}

/** A command of a pipeline: its name and arguments. */
export type PipelineCommand = readonly [name: string, ...args: (string | number)[]];

/** Reply to a command of a pipeline, or the server's error. */
export type PipelineReply = { readonly value: unknown } | { readonly error: Error };

/**
 * Sends commands together. On a cluster they are sent to the server of their keys. Returns the reply or the error of each command.
 * @param as form of the texts in the replies
 * @throws an error after which the commands can be sent again: the connection was lost, or the server is busy
 */
export async function runPipeline(
  client: Client,
  commands: readonly PipelineCommand[],
  as: "text" | "buffers" = "text",
): Promise<readonly PipelineReply[]> {
  const { stream } = client;
  const call = as === "text" ? "call" : "callBuffer";
  const replies = await (stream === undefined
    ? sendByPipeline(client, commands, call)
    : sendInOneWrite(client, stream, commands, call));
  for (const reply of replies) {
    if ("error" in reply && classify(reply.error) instanceof RetryableError) throw reply.error;
  }
  return replies;
}

/** Sends commands on one connection. This costs the client less than a pipeline of ioredis, which a cluster needs. */
function sendInOneWrite(
  client: Client,
  stream: Redis["stream"],
  commands: readonly PipelineCommand[],
  call: "call" | "callBuffer",
): Promise<readonly PipelineReply[]> {
  stream.cork();
  const replies = commands.map(([name, ...args]) =>
    client[call](name, args).then(
      (value): PipelineReply => ({ value }),
      (error): PipelineReply => ({ error }),
    ),
  );
  stream.uncork();
  return Promise.all(replies);
}

async function sendByPipeline(
  client: Client,
  commands: readonly PipelineCommand[],
  call: "call" | "callBuffer",
): Promise<readonly PipelineReply[]> {
  const pipeline = client.pipeline();
  for (const [name, ...args] of commands) pipeline[call](name, ...args);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => (error === null ? { value } : { error }));
}

/** Returns the values of a pipeline. @throws the error of the first command that failed */
export function valuesOf(replies: readonly PipelineReply[]): readonly unknown[] {
  return replies.map((reply) => {
    if ("error" in reply) throw reply.error;
    return reply.value;
  });
}
