import type { ConfirmChannel, Message } from "amqplib";
import { type Answer, done, type Place, type QueueShape } from "../driver.js";
import { isError } from "../is-error.js";
import type { Connection } from "./connection.js";
import { Deadlines } from "./deadlines.js";
import type { Link } from "./link.js";
import { Outgoing } from "./outgoing.js";
import { toFailure } from "./refusals.js";
import { keyOf, type Topology } from "./topology.js";
import { type Outbound, toContent, toProperties } from "./wire.js";

/** Names of the errors of amqplib for a message that it cannot encode. The errors may be of another realm. */
const UNENCODABLE: ReadonlySet<string> = new Set(["RangeError", "TypeError"]);

export interface PublisherOptions {
  readonly timeoutMs: number;
  readonly maxPendingConfirms: number;
}

/**
 * Sends messages over one confirm channel, at most a window of them unconfirmed, and repeats after a reconnect what was
 * not confirmed before it. An answered message whose confirm is still due keeps its place in the window, so that a broker
 * that has stopped reading is not sent more and more.
 */
export class Publisher {
  readonly #connection: Connection;
  readonly #topology: Topology;
  readonly #options: PublisherOptions;
  readonly #deadlines: Deadlines<Outgoing>;
  readonly #onAnswer = (outgoing: Outgoing) => this.#deadlines.delete(outgoing);
  #channel: ConfirmChannel | null = null;
  #link: Link | null = null;
  /** amqplib's buffer is full. */
  #congested = false;
  #nextTag = 1;
  readonly #unconfirmed = new Map<number, Outgoing>();
  /** Their queue is declared; they wait for their turn, in order. */
  #waiting = new Set<Outgoing>();
  /** By queue, until it is declared over the present link. */
  readonly #undeclared = new Map<string, Outgoing[]>();
  /** Targets that are declared over the present link. */
  readonly #declared = new Set<string>();
  #onIdle: (() => void) | undefined;

  constructor(connection: Connection, topology: Topology, options: PublisherOptions) {
    this.#connection = connection;
    this.#topology = topology;
    this.#options = options;
    this.#deadlines = new Deadlines(options.timeoutMs, (outgoing) => this.#expire(outgoing));
    connection.onLink((link) => {
      if (this.#channel !== null) this.#abandon(null);
      this.#link = link;
      this.#declared.clear();
      link.onBlockedChange(() => this.#pump());
      void this.#openChannel(link);
    });
  }

  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }

  publish(queue: QueueShape, envelope: Outbound, place: Place): Promise<Answer> {
    this.#connection.start();
    const outgoing = new Outgoing(queue, this.#topology.nameOf(queue, place), envelope, this.#onAnswer);
    this.#deadlines.add(outgoing);
    this.#waiting.add(outgoing);
    this.#pump();
    return outgoing.answer;
  }

  /** Waits up to `limitMs` for what is under way, then gives up the rest. */
  async flush(limitMs: number): Promise<void> {
    if (this.#open().length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, limitMs);
    });
    clearTimeout(timer);
    for (const outgoing of this.#open()) {
      outgoing.settle({ ok: false, failure: "closed", indeterminate: outgoing.sent });
    }
    this.#waiting.clear();
    this.#undeclared.clear();
  }

  #open(): Outgoing[] {
    const all = [...this.#unconfirmed.values(), ...this.#waiting, ...[...this.#undeclared.values()].flat()];
    return all.filter((outgoing) => !outgoing.answered);
  }

  async #openChannel(link: Link): Promise<void> {
    const channel = await link.openConfirmChannel();
    if (channel === null || link.lost !== null) return;
    let fault: unknown = null;
    channel.on("error", (error) => {
      fault = error;
    });
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#abandon(fault);
      // A channel also closes with its connection, which tells its channels first.
      queueMicrotask(() => {
        if (link.lost === null) void this.#openChannel(link);
      });
    });
    channel.on("ack", ({ deliveryTag, multiple }) => this.#onConfirms(deliveryTag, multiple, true));
    channel.on("nack", ({ deliveryTag, multiple }) => this.#onConfirms(deliveryTag, multiple, false));
    channel.on("return", (message: Message) => this.#onReturn(message));
    channel.on("drain", () => {
      this.#congested = false;
      this.#pump();
    });
    this.#channel = channel;
    this.#congested = false;
    this.#nextTag = 1;
    this.#pump();
  }

  /** Sends as long as there is something to send and room for it. */
  #pump(): void {
    const link = this.#link;
    if (this.#channel === null || link === null || link.blocked || this.#congested) return;
    for (const outgoing of this.#waiting) {
      if (!this.#declared.has(outgoing.target)) {
        this.#waiting.delete(outgoing);
        this.#declareFor(link, outgoing);
        continue;
      }
      if (!this.#hasRoomFor(outgoing)) return;
      this.#waiting.delete(outgoing);
      this.#send(this.#channel, outgoing);
      if (this.#channel === null || this.#congested) return;
    }
  }

  #hasRoomFor(outgoing: Outgoing): boolean {
    if (this.#unconfirmed.size === 0) return true;
    const [first] = this.#unconfirmed.values();
    if (outgoing.suspect || first?.suspect) return false;
    return this.#unconfirmed.size < this.#options.maxPendingConfirms;
  }

  #send(channel: ConfirmChannel, outgoing: Outgoing): void {
    try {
      this.#congested = !this.#write(channel, outgoing);
    } catch (error) {
      // Nothing was written: the message cannot be encoded, or the channel is dead.
      if (cannotBeEncoded(error)) {
        outgoing.settle(toFailure(error));
        return;
      }
      this.#waiting = new Set([outgoing, ...this.#waiting]);
      this.#link?.drop("its channel closed unnoticed");
      this.#abandon(null);
      return;
    }
    outgoing.sent = true;
    outgoing.returned = false;
    this.#unconfirmed.set(this.#nextTag++, outgoing);
  }

  #write(channel: ConfirmChannel, { envelope, target }: Outgoing): boolean {
    const content = toContent(envelope);
    try {
      return channel.publish("", target, content, toProperties(envelope));
    } catch (error) {
      // Without a copy, the consumer could neither retry nor dead-letter this message.
      if (envelope.original === undefined || !cannotBeEncoded(error)) throw error;
      return channel.publish("", target, content, toProperties(envelope, false));
    }
  }

  #declareFor(link: Link, outgoing: Outgoing): void {
    const key = keyOf(outgoing.queue);
    const others = this.#undeclared.get(key);
    if (others !== undefined) {
      others.push(outgoing);
      return;
    }
    this.#undeclared.set(key, [outgoing]);
    void this.#topology.ensure(link, outgoing.queue).then((answer) => {
      const held = (this.#undeclared.get(key) ?? []).filter((each) => !each.answered);
      this.#undeclared.delete(key);
      const again = link.lost !== null || (!answer.ok && answer.failure === "timeout");
      for (const each of held) {
        if (answer.ok && !again) this.#declared.add(each.target);
        if (answer.ok || again) this.#waiting.add(each);
        else each.settle(answer);
      }
      this.#settled();
      this.#pump();
    });
  }

  #onConfirms(tag: number, multiple: boolean, accepted: boolean): void {
    // Tags are in order of insertion.
    for (const each of multiple ? this.#unconfirmed.keys() : [tag]) {
      if (each > tag) break;
      const outgoing = this.#unconfirmed.get(each);
      this.#unconfirmed.delete(each);
      if (outgoing !== undefined) this.#onConfirm(outgoing, accepted);
    }
    this.#settled();
    this.#pump();
  }

  #onConfirm(outgoing: Outgoing, accepted: boolean): void {
    if (outgoing.returned) {
      this.#declared.delete(outgoing.target);
      if (this.#link !== null) this.#topology.forget(this.#link, outgoing.queue);
      outgoing.settle({ ok: false, failure: "unroutable" });
    } else if (accepted) {
      outgoing.settle(done);
    } else {
      const reason = "the broker refused the message: its queue is full, or could not store it";
      outgoing.settle({ ok: false, failure: "unavailable", reason, indeterminate: false });
    }
  }

  /** Comes before the confirm. Two messages of one id in one queue share their fate, so either may be marked first. */
  #onReturn({ fields, properties }: Message): void {
    for (const outgoing of this.#unconfirmed.values()) {
      if (outgoing.envelope.id !== properties.messageId || outgoing.target !== fields.routingKey) continue;
      if (outgoing.returned) continue;
      outgoing.returned = true;
      return;
    }
  }

  /**
   * The channel is dead; what it had under way goes to the front of the line. With a fault, the broker closed it over one of
   * the messages and does not say which. If there was but one, that is it; otherwise each is sent again by itself, so that
   * the guilty one falls alone.
   */
  #abandon(fault: unknown): void {
    this.#channel = null;
    const under = [...this.#unconfirmed.values()];
    this.#unconfirmed.clear();
    if (fault !== null) {
      for (const outgoing of under) outgoing.suspect = true;
      if (under.length === 1) under[0]?.settle(toFailure(fault));
    }
    this.#waiting = new Set([...under.filter((outgoing) => !outgoing.answered), ...this.#waiting]);
    this.#settled();
  }

  #expire(outgoing: Outgoing): void {
    this.#waiting.delete(outgoing);
    if (this.#connection.link === null) outgoing.fail("unavailable", this.#connection.fault);
    else if (this.#link?.blocked)
      outgoing.fail("timeout", "the broker takes no messages for now (memory or disk alarm)");
    else outgoing.fail("timeout", `no confirm came within ${this.#options.timeoutMs} ms`);
    this.#settled();
  }

  #settled(): void {
    if (this.#onIdle !== undefined && this.#open().length === 0) this.#onIdle();
  }
}

function cannotBeEncoded(error: unknown): boolean {
  return isError(error) && UNENCODABLE.has(error.name);
}
