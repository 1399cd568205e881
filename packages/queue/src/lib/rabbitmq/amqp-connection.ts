import { Duplex } from "node:stream";
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type SocketOptions } from "amqplib";
import type { Result } from "../driver.js";
import { withTimeout } from "../timers.js";
import { describeError, toFailure, virtualHostOf } from "./amqp-errors.js";
import { writeOncePerTick } from "./one-write-per-tick.js";
import type { TlsOptions } from "./options.js";

/** Time limit for opening a channel. A server can accept a connection and then stop responding. */
const OPEN_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;

export interface AmqpConnectionOptions {
  /** Name that RabbitMQ shows for the connection. */
  readonly name: string;
  readonly tls: TlsOptions;
  /** Time limit of the socket and the handshakes together. */
  readonly limitMs: number;
}

/** One AMQP connection, from its handshake to its end. It does not reconnect: the ConnectionManager replaces it. */
export class AmqpConnection {
  readonly #model: ChannelModel;
  readonly #socket: AbortController;
  readonly #onLost = new Set<() => void>();
  readonly #onBlockedChange = new Set<() => void>();
  #error: string | null = null;
  #lost: string | null = null;
  #blocked = false;

  /**
   * Connects. Rejects after `limitMs` or when `signal` aborts. The socket has its own abort signal, because amqplib cannot end a
   * connection that does not respond.
   */
  static async open(
    address: string,
    { name, tls, limitMs }: AmqpConnectionOptions,
    signal: AbortSignal,
  ): Promise<AmqpConnection> {
    const socket = new AbortController();
    const abort = () => socket.abort();
    signal.addEventListener("abort", abort);
    const options: SocketOptions & { signal: AbortSignal } = {
      ...tls,
      // Otherwise, Nagle's algorithm delays a message of more than 2 KB by 40 ms.
      noDelay: true,
      signal: socket.signal,
      clientProperties: { connection_name: name },
    };
    try {
      return new AmqpConnection(await withTimeout(connect(address, options), limitMs), socket, virtualHostOf(address));
    } catch (error) {
      socket.abort();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  private constructor(
    model: ChannelModel,
    socket: AbortController,
    readonly virtualHost: string,
  ) {
    this.#model = model;
    this.#socket = socket;
    const { connection } = model;
    if ("stream" in connection && connection.stream instanceof Duplex) writeOncePerTick(connection.stream);
    model.on("error", (error) => {
      this.#error = describeError(error);
    });
    model.on("close", (error) =>
      this.#end(this.#error ?? (error ? describeError(error) : "the connection was closed")),
    );
    model.on("blocked", () => this.#setBlocked(true));
    model.on("unblocked", () => this.#setBlocked(false));
  }

  /** Reason why the connection ended; null while it is open. */
  get lost(): string | null {
    return this.#lost;
  }

  /**
   * Calls `listener` once when the connection ends, or immediately if it has ended. Returns a function that removes the
   * listener. The number of listeners is not limited: with an AbortSignal, Node would warn about a leak from the eleventh on.
   */
  onLost(listener: () => void): () => void {
    if (this.#lost === null) this.#onLost.add(listener);
    else listener();
    return () => void this.#onLost.delete(listener);
  }

  /**
   * True if the broker counts a message that a consumer returns without a failure towards the delivery limit. RabbitMQ 4.3 and
   * later count only messages whose consumer or connection was lost.
   */
  get countsReturns(): boolean {
    const [, major = 0, minor = 0] = /^(\d+)\.(\d+)/.exec(this.#model.connection.serverProperties.version) ?? [];
    return Number(major) < 4 || (Number(major) === 4 && Number(minor) < 3);
  }

  /** True while the broker accepts no messages because of a memory or disk alarm. */
  get blocked(): boolean {
    return this.#blocked;
  }

  onBlockedChange(listener: () => void): void {
    this.#onBlockedChange.add(listener);
  }

  /** Opens a channel. If that fails or times out, the connection is closed as lost, and the result is null. */
  openChannel(): Promise<Channel | null> {
    return this.#open(() => this.#model.createChannel());
  }

  /** Opens a channel with publisher confirms. Fails like `openChannel`. */
  openConfirmChannel(): Promise<ConfirmChannel | null> {
    return this.#open(() => this.#model.createConfirmChannel());
  }

  /** Sends requests on a temporary channel, because an error of the broker closes the channel. Ends within `limitMs`. */
  async request<T>(send: (channel: Channel) => Promise<T>, limitMs: number): Promise<Result<T>> {
    const response = this.#request(send, Math.min(limitMs, OPEN_TIMEOUT_MS));
    try {
      return { ok: true, value: await withTimeout(response, limitMs) };
    } catch (error) {
      return toFailure(error);
    }
  }

  async #request<T>(send: (channel: Channel) => Promise<T>, openLimitMs: number): Promise<T> {
    const opening = this.#model.createChannel();
    try {
      const channel = await withTimeout(opening, openLimitMs);
      channel.on("error", ignore);
      return await send(channel);
    } finally {
      // The channel is closed after the last reply, even if the request timed out: a reply on a closed channel would end the
      // connection.
      void opening.then((channel) => channel.close()).catch(ignore);
    }
  }

  /** Ends the connection immediately. */
  drop(reason: string): void {
    this.#end(reason);
    this.#socket.abort();
  }

  /** Closes the connection. Waits at most a second for the reply of the broker. */
  async close(): Promise<void> {
    if (this.#lost === null) await withTimeout(this.#model.close(), CLOSE_TIMEOUT_MS).catch(ignore);
    this.drop("the connection was closed");
  }

  async #open<C extends Channel>(open: () => Promise<C>): Promise<C | null> {
    try {
      const channel = await withTimeout(open(), OPEN_TIMEOUT_MS);
      channel.on("error", ignore);
      return channel;
    } catch (error) {
      this.drop(describeError(error));
      return null;
    }
  }

  #setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    for (const listener of this.#onBlockedChange) listener();
  }

  #end(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    const listeners = [...this.#onLost];
    this.#onLost.clear();
    for (const listener of listeners) listener();
  }
}

/** Ignores an error that the end of the channel or connection reports too. Without a listener of "error", Node would throw it as well. */
export function ignore(): void {}
