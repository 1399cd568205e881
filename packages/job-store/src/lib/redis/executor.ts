import {
  Call,
  CallQueue,
  type CommandKind,
  type PendingCall,
  type QueueHost,
  type Requirement,
  type ServerState,
  type Tick,
} from "./call-queue.js";
import type { Client, Deadline, RedisConnection } from "./connection.js";
import { classify, RetryableError, replyCode, timeoutError } from "./redis-errors.js";

/** A command, script or pipeline that is not batched. */
interface PendingCommand extends PendingCall {
  run(): Promise<void>;
}

class Command<T> extends Call<T> implements PendingCommand {
  readonly #command: (end: number) => Promise<T>;
  override readonly retries: boolean;

  constructor(command: (end: number) => Promise<T>, retries: boolean) {
    super(0);
    this.#command = command;
    this.retries = retries;
  }

  run(): Promise<void> {
    return this.#command(this.end).then((value) => this.resolve(value));
  }
}

/** Options of a single command. */
export interface CommandOptions {
  /** End of the call by `performance.now()`, if several calls share one. @default `timeoutMs` from now on */
  readonly end?: number;
  /** False: rejects with the error of the first failed attempt, as ioredis reports it. @default true */
  readonly retries?: boolean;
}

/**
 * Sends every call of the driver: batches calls, limits their time, repeats them, and reports their results. One timer
 * serves all calls. Repeating is safe, because a script that changes something checks its operation id and its deadline.
 */
export class Executor implements QueueHost {
  readonly #connection: RedisConnection;
  /** Time limit of a call in milliseconds. */
  readonly timeoutMs: number;
  readonly state: ServerState;
  readonly #queues: { onLoss(): void }[] = [];
  readonly #commands: Readonly<Record<Requirement, CallQueue<PendingCommand>>>;
  readonly #ticks = new Set<Tick>();
  #timer: NodeJS.Timeout | undefined;
  #timerEnd = Number.POSITIVE_INFINITY;

  /** @param state null: commands require nothing but the connection */
  constructor(connection: RedisConnection, timeoutMs: number, state: ServerState | null) {
    this.#connection = connection;
    this.timeoutMs = timeoutMs;
    this.state = state ?? new ConnectionState(connection);
    this.#commands = {
      connection: this.#queueOfCommands("connection"),
      metadata: this.#queueOfCommands("metadata"),
      write: this.#queueOfCommands("write"),
    };
    connection.onLoss(() => {
      for (const queue of this.#queues) queue.onLoss();
    });
  }

  get isConnected(): boolean {
    return this.#connection.isOpen;
  }

  /** Returns the end of a call that begins now. */
  defaultEnd(): number {
    return performance.now() + this.timeoutMs;
  }

  /** Returns a queue for calls that are batched. */
  queue<C extends PendingCall>(kind: CommandKind<C>): CallQueue<C> {
    const queue = new CallQueue(this, kind);
    this.#queues.push(queue);
    return queue;
  }

  /** Runs a command that needs nothing but the connection. @throws JobStoreError UNAVAILABLE */
  query<T>(command: (client: Client) => Promise<T>, options?: CommandOptions): Promise<T> {
    const { client } = this.#connection;
    return this.run("connection", () => command(client), options);
  }

  /**
   * Sends a command, script or pipeline, without others in the batch, once the requirement is met. The command gets the end of the call.
   * @throws JobStoreError
   */
  run<T>(
    requirement: Requirement,
    command: (end: number) => Promise<T>,
    { end = this.defaultEnd(), retries = true }: CommandOptions = {},
  ): Promise<T> {
    const call = new Command(command, retries);
    this.#commands[requirement].addNow(call, end);
    return call.promise;
  }

  #queueOfCommands(requirement: Requirement): CallQueue<PendingCommand> {
    return this.queue({
      requirement,
      minBatch: 1,
      maxBatch: 1,
      send: ([call]) => (call as PendingCommand).run(),
      toError: (error, call) => this.state.toError(error, call, requirement),
    });
  }

  classify(cause: unknown): unknown {
    const code = replyCode(cause);
    if (code === "NOSCRIPT") {
      this.state.invalidateScripts();
      return new RetryableError("the server has lost its scripts", "stale");
    }
    const error = classify(cause);
    if (code !== null && error instanceof RetryableError) this.#connection.recordError(cause);
    return error;
  }

  /** Rejects the calls of a tick at their end, if they are not settled before. */
  watch(tick: Tick): void {
    this.#ticks.add(tick);
    if (tick.end < this.#timerEnd) this.#arm(tick.end);
  }

  unwatch(tick: Tick): void {
    this.#ticks.delete(tick);
  }

  /** Sets the one timer of all calls. */
  #arm(end: number): void {
    clearTimeout(this.#timer);
    this.#timerEnd = end;
    // The connection keeps the process alive, the timer does not.
    this.#timer = setTimeout(this.#readFirst, Math.max(0, end - performance.now())).unref();
  }

  /** Lets the event loop read the replies that arrived while it was busy. */
  readonly #readFirst = () => setImmediate(this.#expire);

  readonly #expire = (): void => {
    this.#timerEnd = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const tick of this.#ticks) {
      if (tick.unsettled > 0 && tick.end > performance.now()) {
        next = Math.min(next, tick.end);
        continue;
      }
      for (const call of tick.calls) if (!call.settled) this.#expireCall(call);
      this.#ticks.delete(tick);
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  };

  #expireCall(call: PendingCall): void {
    call.indeterminate ||= call.inFlight;
    const unsent = !this.isConnected && !call.indeterminate;
    const failure = unsent
      ? this.#connection.noConnection(false)
      : timeoutError(call, "no reply arrived before the deadline");
    call.reject(call.failure ?? failure);
  }
}

/** State of an executor without a store. */
class ConnectionState implements ServerState {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  isReady(): boolean {
    return this.#connection.isOpen;
  }

  prepare(_: Requirement, deadline: Deadline): Promise<void> {
    return this.#connection.waitUntilConnected(deadline);
  }

  invalidateScripts(): void {}

  isPartlyApplied(): boolean {
    return false;
  }

  toError(error: unknown): unknown {
    return error;
  }
}
