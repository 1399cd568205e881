import type { BrokerEvent } from "../driver.js";
import { pause } from "../timers.js";
import { AmqpConnection } from "./amqp-connection.js";
import { describeConnectError } from "./amqp-errors.js";
import type { TlsOptions } from "./options.js";

const FIRST_BACKOFF_MS = 100;
/** Maximum pause between two attempts. It is short, so that a client reconnects within two seconds after the broker is available. */
const MAX_BACKOFF_MS = 1_000;

/**
 * Returns the pause before the next attempt in milliseconds: exponential backoff with full jitter, so that clients that lost the
 * same broker do not reconnect at the same time.
 */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures);
}

export interface ConnectionManagerOptions {
  /** Addresses, tried in turn. */
  readonly addresses: readonly string[];
  readonly tls: TlsOptions;
  /** Time limit of one connection attempt: socket and handshakes. */
  readonly limitMs: number;
  /** Name that RabbitMQ shows for the connection. */
  readonly name: string;
  /** Called once when a connection is lost or cannot be established, not for every attempt. */
  readonly report: (reason: string) => void;
  /** Called for every established connection. */
  readonly onConnected: (details: Omit<BrokerEvent["details"], "connection">) => void;
}

/** Manages one connection to a broker: opens it at the first use and replaces it when it is lost, until `close`. */
export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #closing = new AbortController();
  readonly #onConnection = new Set<(connection: AmqpConnection) => void>();
  /** Calls that wait for a connection. */
  readonly #waiting = new Set<(connection: AmqpConnection | null) => void>();
  /** Addresses that have worked at least once. */
  readonly #verified = new Set<string>();
  #connection: AmqpConnection | null = null;
  #running: Promise<void> | undefined;
  #connections = 0;
  #error = "no connection has been established yet";

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
  }

  /** Current connection; null while disconnected. */
  get connection(): AmqpConnection | null {
    return this.#connection;
  }

  /** True if the connection was requested. */
  get started(): boolean {
    return this.#running !== undefined;
  }

  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** Reason why there is no connection. */
  get error(): string {
    return this.#error;
  }

  start(): void {
    if (!this.#closing.signal.aborted) this.#running ??= this.#run();
  }

  /** Calls `listener` with every new connection from now on. */
  onConnection(listener: (connection: AmqpConnection) => void): void {
    this.#onConnection.add(listener);
  }

  /**
   * Resolves with the connection as soon as it is established. Resolves with null after `limitMs` milliseconds (Infinity means no
   * limit), when `signal` aborts, or when the manager closes.
   */
  connected(limitMs: number, signal?: AbortSignal): Promise<AmqpConnection | null> {
    this.start();
    if (this.#connection !== null || this.#closing.signal.aborted || signal?.aborted) {
      return Promise.resolve(this.#connection);
    }
    return new Promise((resolve) => {
      const finish = (connection: AmqpConnection | null) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
        this.#waiting.delete(finish);
        resolve(connection);
      };
      const cancel = () => finish(null);
      // The event loop refers to this timer. Node 20 collects an AbortSignal.timeout that only an AbortSignal.any refers to.
      const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(cancel, limitMs);
      signal?.addEventListener("abort", cancel);
      this.#waiting.add(finish);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const finish of [...this.#waiting]) finish(null);
    await this.#connection?.close();
    await this.#running;
  }

  /** Connects and reconnects until `close`. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { addresses, report } = this.#options;
    let failures = 0;
    let disconnectedAt = performance.now();
    for (let attempt = 0; !signal.aborted; attempt++) {
      const connection = await this.#connect(addresses[attempt % addresses.length] ?? "");
      if (connection !== null) {
        failures = 0;
        this.#options.onConnected({ again: this.#connections > 0, afterMs: performance.now() - disconnectedAt });
        await this.#use(connection);
        disconnectedAt = performance.now();
        if (!signal.aborted) report(this.#error);
      } else if (++failures === 1 && !signal.aborted) {
        report(this.#error);
      }
      // All addresses are tried before a pause.
      const allTried = failures % addresses.length === 0;
      if (allTried) await pause(backoffMs(failures / addresses.length), { signal });
    }
  }

  async #connect(address: string): Promise<AmqpConnection | null> {
    try {
      const { name, tls, limitMs } = this.#options;
      const connection = await AmqpConnection.open(address, { name, tls, limitMs }, this.#closing.signal);
      this.#verified.add(address);
      if (!this.#closing.signal.aborted) return connection;
      await connection.close();
    } catch (error) {
      this.#error = describeConnectError(error, address, this.#verified.has(address));
    }
    return null;
  }

  /** Provides the connection to listeners and waiting calls. Resolves when the connection is lost. */
  async #use(connection: AmqpConnection): Promise<void> {
    const lost = new Promise<void>((resolve) => connection.onLost(resolve));
    this.#connections++;
    this.#connection = connection;
    for (const listener of [...this.#onConnection]) listener(connection);
    for (const finish of [...this.#waiting]) finish(connection);
    await lost;
    this.#connection = null;
    this.#error = connection.lost ?? this.#error;
  }
}
