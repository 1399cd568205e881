import { onTestFinished } from "vitest";
import { z } from "zod";
import type { Broker } from "../broker.js";
import { createBroker } from "../create-broker.js";
import { defineQueue, type QueueDefinition } from "../definition.js";
import type { QueueDriver } from "../driver.js";
import type { Message } from "../message.js";
import type { Verdict } from "../verdict.js";

/** A driver with a place of its own for one test. */
export interface DriverUnderTest {
  /** Has no messages yet, and shares its queues with no other test. */
  readonly driver: QueueDriver;
  /** Called after each test, its brokers being closed, with the queues it used, so that they can be deleted. */
  readonly close?: ((queues: readonly QueueDefinition[]) => Promise<void> | void) | undefined;
}
export type OpenDriver = () => DriverUnderTest | Promise<DriverUnderTest>;

export const Task = z.object({ n: z.number(), note: z.string().default("none") });
export type TaskQueue = QueueDefinition & { readonly payload: typeof Task };

/** One test's driver, its queue `tasks` and its brokers, all of which end with the test. */
export async function setUp(open: OpenDriver, options: { readonly retryDelaysMs?: readonly number[] } = {}) {
  const { driver, close } = await open();
  const brokers: Broker[] = [];
  const queues: QueueDefinition[] = [];
  /** What the brokers reported through `onError`. */
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

/** A handler that keeps what it was given, and then does as it is told. */
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

/** A promise that is settled from outside: what a test's handlers wait for. */
export function latch() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** Real brokers on a busy machine take their time. */
export const PATIENCE = { timeout: 60_000, interval: 10 };
