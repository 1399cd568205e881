import { setTimeout as pause } from "node:timers/promises";
import type { Arrival } from "../broker-event.js";
import { Link } from "./link.js";
import type { TlsOptions } from "./options.js";
import { wordsOfOpening } from "./refusals.js";
import { jitteredPauseMs } from "./time.js";

export interface ConnectionOptions {
  /** Tried in turn. */
  readonly addresses: readonly string[];
  readonly tls: TlsOptions;
  /** For the socket and the handshakes with one address together. */
  readonly limitMs: number;
  /** Name that RabbitMQ shows for the connection. */
  readonly name: string;
  /** Told once when a connection is lost or cannot be made, not at every attempt. */
  readonly report: (reason: string) => void;
  /** Told of every connection. */
  readonly onConnected: (how: Arrival) => void;
}

/** Keeps one connection to a broker: the first when it is needed, and another whenever it is lost, until closed. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  readonly #onLink = new Set<(link: Link) => void>();
  /** Calls that wait for a link. */
  readonly #waiting = new Set<(link: Link | null) => void>();
  /** Addresses that have worked at least once. */
  readonly #worked = new Set<string>();
  #link: Link | null = null;
  #keeping: Promise<void> | undefined;
  #links = 0;
  #fault = "no connection could be made yet";

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get link(): Link | null {
    return this.#link;
  }

  get wanted(): boolean {
    return this.#keeping !== undefined;
  }

  get reconnects(): number {
    return Math.max(0, this.#links - 1);
  }

  /** Why there is no link, in words. */
  get fault(): string {
    return this.#fault;
  }

  start(): void {
    if (!this.#closing.signal.aborted) this.#keeping ??= this.#keep();
  }

  /** Called with every new link from now on. */
  onLink(listener: (link: Link) => void): void {
    this.#onLink.add(listener);
  }

  /**
   * Resolves with the link as soon as there is one; with null after `limitMs` milliseconds (Infinity: no limit), or when
   * `signal` aborts or the connection is closed.
   */
  linked(limitMs: number, signal?: AbortSignal): Promise<Link | null> {
    this.start();
    if (this.#link !== null || this.#closing.signal.aborted || signal?.aborted) return Promise.resolve(this.#link);
    return new Promise((resolve) => {
      const settle = (link: Link | null) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        this.#waiting.delete(settle);
        resolve(link);
      };
      const giveUp = () => settle(null);
      // The event loop refers to this timer. Node 20 collects an AbortSignal.timeout that only an AbortSignal.any refers to.
      const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, limitMs);
      signal?.addEventListener("abort", giveUp);
      this.#waiting.add(settle);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const settle of [...this.#waiting]) settle(null);
    await this.#link?.close();
    await this.#keeping;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    const { addresses, report } = this.#options;
    let failures = 0;
    let missingSince = performance.now();
    for (let turn = 0; !signal.aborted; turn++) {
      const link = await this.#connect(addresses[turn % addresses.length] ?? "");
      if (link !== null) {
        failures = 0;
        this.#options.onConnected({ again: this.#links > 0, afterMs: performance.now() - missingSince });
        await this.#serve(link);
        missingSince = performance.now();
        if (!signal.aborted) report(this.#fault);
      } else if (++failures === 1 && !signal.aborted) {
        report(this.#fault);
      }
      // Each address gets its chance before there is a pause.
      const tried = failures % addresses.length === 0;
      if (tried && !signal.aborted)
        await pause(jitteredPauseMs(failures / addresses.length), undefined, { signal }).catch(() => {});
    }
  }

  async #connect(address: string): Promise<Link | null> {
    try {
      const { name, tls, limitMs } = this.#options;
      const link = await Link.open(address, { name, tls, limitMs }, this.#closing.signal);
      this.#worked.add(address);
      if (!this.#closing.signal.aborted) return link;
      await link.close();
    } catch (error) {
      this.#fault = wordsOfOpening(error, address, this.#worked.has(address));
    }
    return null;
  }

  /** Lends the link out until it is lost. */
  async #serve(link: Link): Promise<void> {
    const lost = new Promise<void>((resolve) => link.onLost(resolve));
    this.#links++;
    this.#link = link;
    for (const listener of [...this.#onLink]) listener(link);
    for (const settle of [...this.#waiting]) settle(link);
    await lost;
    this.#link = null;
    this.#fault = link.lost ?? this.#fault;
  }
}
