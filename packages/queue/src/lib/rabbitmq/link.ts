import { type Channel, type ChannelModel, type ConfirmChannel, connect, type SocketOptions } from "amqplib";
import type { Answer } from "../driver.js";
import { within } from "../within.js";
import type { TlsOptions } from "./options.js";
import { toFailure, virtualHostOf, wordsOf } from "./refusals.js";

/** For a channel to open; a server that accepts connections and does no more must not hold anyone up. */
const SETUP_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;

export interface LinkOptions {
  /** Name that RabbitMQ shows for the connection. */
  readonly name: string;
  readonly tls: TlsOptions;
  /** For the socket and the handshakes together. */
  readonly limitMs: number;
}

/** One connection, from its handshake to its end. It never comes back: another link takes its place. */
export class Link {
  readonly #model: ChannelModel;
  readonly #hangUp: AbortController;
  readonly #onLost = new Set<() => void>();
  readonly #onBlockedChange = new Set<() => void>();
  #fault: string | null = null;
  #lost: string | null = null;
  #blocked = false;

  /**
   * Connects, or rejects within `limitMs` or when `signal` aborts. The socket is bound to an abort signal of ours, since
   * amqplib itself has no way to give up a connection that does not answer.
   */
  static async open(address: string, { name, tls, limitMs }: LinkOptions, signal: AbortSignal): Promise<Link> {
    const hangUp = new AbortController();
    const giveUp = () => hangUp.abort();
    signal.addEventListener("abort", giveUp);
    const options: SocketOptions & { signal: AbortSignal } = {
      ...tls,
      // Without it, a message of more than 2 KB waits 40 ms for Nagle's algorithm.
      noDelay: true,
      signal: hangUp.signal,
      clientProperties: { connection_name: name },
    };
    try {
      return new Link(await within(connect(address, options), limitMs), hangUp, virtualHostOf(address));
    } catch (error) {
      hangUp.abort();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  private constructor(
    model: ChannelModel,
    hangUp: AbortController,
    readonly virtualHost: string,
  ) {
    this.#model = model;
    this.#hangUp = hangUp;
    model.on("error", (error) => {
      this.#fault = wordsOf(error);
    });
    model.on("close", (error) => this.#end(this.#fault ?? (error ? wordsOf(error) : "the connection was closed")));
    model.on("blocked", () => this.#setBlocked(true));
    model.on("unblocked", () => this.#setBlocked(false));
  }

  /** Reason why the connection ended; null while it is open. */
  get lost(): string | null {
    return this.#lost;
  }

  /**
   * Calls `listener` once when the connection ends, or immediately if it has ended. Returns a function that removes the
   * listener. Any number of listeners is allowed: with an AbortSignal, Node would warn of a leak from the eleventh on.
   */
  onLost(listener: () => void): () => void {
    if (this.#lost === null) this.#onLost.add(listener);
    else listener();
    return () => void this.#onLost.delete(listener);
  }

  /**
   * True if the broker counts a message that a consumer returns without a failure toward the delivery limit. RabbitMQ 4.3 and
   * later count only messages whose consumer or connection was lost.
   */
  get countsReturns(): boolean {
    const [, major = 0, minor = 0] = /^(\d+)\.(\d+)/.exec(this.#model.connection.serverProperties.version) ?? [];
    return Number(major) < 4 || (Number(major) === 4 && Number(minor) < 3);
  }

  /** The broker accepts no messages for now: a memory or disk alarm. */
  get blocked(): boolean {
    return this.#blocked;
  }

  onBlockedChange(listener: () => void): void {
    this.#onBlockedChange.add(listener);
  }

  /** null where the link is dead, or as good as dead: then it is given up. */
  openChannel(): Promise<Channel | null> {
    return this.#open(() => this.#model.createChannel());
  }

  openConfirmChannel(): Promise<ConfirmChannel | null> {
    return this.#open(() => this.#model.createConfirmChannel());
  }

  /** Asks on a channel of its own, which a refusal may close. Answers within `limitMs`. */
  async ask<T>(question: (channel: Channel) => Promise<T>, limitMs: number): Promise<Answer<T>> {
    const asked = this.#ask(question, Math.min(limitMs, SETUP_TIMEOUT_MS));
    try {
      return { ok: true, value: await within(asked, limitMs) };
    } catch (error) {
      return toFailure(error);
    }
  }

  async #ask<T>(question: (channel: Channel) => Promise<T>, setupMs: number): Promise<T> {
    const opening = this.#model.createChannel();
    try {
      const channel = await within(opening, setupMs);
      channel.on("error", ignore);
      return await question(channel);
    } finally {
      // Not sooner, even where nobody waits any more: a reply to a channel that was closed would end the connection.
      void opening.then((channel) => channel.close()).catch(ignore);
    }
  }

  /** Ends it at once. */
  drop(reason: string): void {
    this.#end(reason);
    this.#hangUp.abort();
  }

  /** Says goodbye, but does not wait long for an answer. */
  async close(): Promise<void> {
    if (this.#lost === null) await within(this.#model.close(), CLOSE_TIMEOUT_MS).catch(ignore);
    this.drop("the connection was closed");
  }

  async #open<C extends Channel>(open: () => Promise<C>): Promise<C | null> {
    try {
      const channel = await within(open(), SETUP_TIMEOUT_MS);
      channel.on("error", ignore);
      return channel;
    } catch (error) {
      this.drop(wordsOf(error));
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

/** The server's reasons are read from the calls that it refuses; without a listener they would be thrown besides. */
function ignore(): void {}
