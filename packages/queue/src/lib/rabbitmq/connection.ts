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
  /** Shown in the broker's list of connections. */
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

  /** The link as soon as there is one; null once `signal` aborts or the connection is closed. */
  linked(signal: AbortSignal): Promise<Link | null> {
    this.start();
    if (this.#link !== null) return Promise.resolve(this.#link);
    const given = AbortSignal.any([signal, this.#closing.signal]);
    if (given.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (link: Link | null) => {
        this.#onLink.delete(onLink);
        given.removeEventListener("abort", onAbort);
        resolve(link);
      };
      const onLink = (link: Link) => settle(link);
      const onAbort = () => settle(null);
      this.#onLink.add(onLink);
      given.addEventListener("abort", onAbort);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
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
      if (!this.#closing.signal.aborted) return link;
      await link.close();
    } catch (error) {
      this.#fault = wordsOfOpening(error, address);
    }
    return null;
  }

  /** Lends the link out until it is lost. */
  async #serve(link: Link): Promise<void> {
    const lost = new Promise<void>((resolve) => {
      if (link.lost.aborted) resolve();
      link.lost.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#links++;
    this.#link = link;
    for (const listener of [...this.#onLink]) listener(link);
    await lost;
    this.#link = null;
    this.#fault = String(link.lost.reason);
  }
}
