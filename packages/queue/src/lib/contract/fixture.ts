import { onTestFinished } from "vitest";
import { z } from "zod";
import { createBroker } from "../broker.js";
import { defineQueue, type QueueDefinition } from "../definition.js";
import type { QueueDriver } from "../driver.js";
import type { RelayEntry, RelayOutbox } from "../relay.js";
import type { Broker, Message, Verdict } from "../types.js";

/** Driver for one test. */
export interface DriverUnderTest {
  /** Driver without messages, whose queues are not shared with another test. */
  readonly driver: QueueDriver;
  /** Deletes the queues of the test. Called after each test, after its brokers were closed. */
  readonly close?: ((queues: readonly QueueDefinition[]) => Promise<void> | void) | undefined;
}

export type OpenDriver = () => DriverUnderTest | Promise<DriverUnderTest>;

export const Task = z.object({ n: z.number(), note: z.string().default("none") });
export type TaskQueue = QueueDefinition & { readonly payload: typeof Task };

/** Opens a driver with the queue `tasks` and brokers. Closes all of them after the test. */
export async function setUp(open: OpenDriver, options: { readonly retryDelaysMs?: readonly number[] } = {}) {
  const { driver, close } = await open();
  const brokers: Broker[] = [];
  const queues: QueueDefinition[] = [];
  /** Errors that the brokers passed to `onError`. */
  const reported: unknown[] = [];

  const openBroker = () => {
    const broker = createBroker({ driver, onError: (error) => reported.push(error) });
    brokers.push(broker);
    return broker;
  };
  const define = <Q extends QueueDefinition>(queue: Q): Q => {
    queues.push(queue);
    return queue;
  };
  onTestFinished(async () => {
    await Promise.all(brokers.map((broker) => broker.close({ graceMs: 0 })));
    await close?.(queues);
  });
  const tasks: TaskQueue = define(
    defineQueue({ name: "tasks", payload: Task, retryDelaysMs: options.retryDelaysMs ?? [50] }),
  );
  return { driver, broker: openBroker(), openBroker, define, tasks, reported };
}

/** Creates a handler that stores its messages and then calls `act`. */
export function recorder<Q extends QueueDefinition>(
  act: (message: Message<Q>) => Promise<Verdict | undefined> | Verdict | undefined = () => undefined,
) {
  const messages: Message<Q>[] = [];
  const handler = async (message: Message<Q>) => {
    messages.push(message);
    return act(message);
  };
  return { messages, handler };
}

/** Creates a promise that the test resolves, for handlers that wait. */
export function latch() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** Options to wait for a condition. The limit is long enough for a real broker on a busy machine. */
export const PATIENCE = { timeout: 60_000, interval: 10 };

/** Outbox that returns each entry once, and again after a failed acknowledgement. */
export class FakeOutbox implements RelayOutbox {
  readonly acknowledged: string[] = [];
  readonly rejected = new Map<string, string>();
  failures = { read: 0, ack: 0 };
  /** Value of `claimMs` in the last read. */
  claimMs: number | undefined;
  readonly #waiting: RelayEntry[];
  readonly #claimed = new Map<string, RelayEntry>();

  constructor(entries: readonly RelayEntry[]) {
    this.#waiting = [...entries];
  }

  async read({
    limit = 100,
    claimMs,
  }: {
    readonly limit?: number;
    readonly claimMs?: number;
  } = {}): Promise<readonly RelayEntry[]> {
    this.claimMs = claimMs;
    if (this.failures.read-- > 0) throw new Error("read");
    const entries = this.#waiting.splice(0, limit);
    for (const read of entries) this.#claimed.set(read.entryId, read);
    return entries;
  }

  async ack(entryIds: readonly string[]): Promise<void> {
    if (this.failures.ack-- > 0) {
      this.returnUnacknowledged();
      throw new Error("ack");
    }
    for (const entryId of entryIds) this.#claimed.delete(entryId);
    this.acknowledged.push(...entryIds);
  }

  /** Returns unacknowledged entries again in the next read. */
  returnUnacknowledged(): void {
    this.#waiting.push(...this.#claimed.values());
  }

  async reject(entryIds: readonly string[], reason: string): Promise<void> {
    for (const entryId of entryIds) this.rejected.set(entryId, reason);
  }
}
