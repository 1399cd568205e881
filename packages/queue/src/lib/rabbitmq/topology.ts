import type { Channel, Options } from "amqplib";
import { deliveryLimitOf, MAX_DELIVERY_LIMIT } from "../definition.js";
import { type ArgumentDifference, type Destination, done, type QueueConfig, type Result } from "../driver.js";
import type { AmqpConnection } from "./amqp-connection.js";

/** Declaration of a queue on the broker. */
interface Declaration {
  readonly name: string;
  readonly options: Options.AssertQueue;
}

/**
 * Queues on the broker for a queue `q`: `q` itself, one wait queue per retry delay (`q.wait.1000`) whose messages expire into `q`,
 * and the dead-letter queue `q.dead`. All messages of a wait queue have the same time to live. With a time to live per message, a
 * long one at the head would block the shorter ones behind it. Everything uses the default exchange.
 */
export class Topology {
  readonly #prefix: string;
  readonly #limitMs: number;
  /** Declarations on each connection. A queue is declared once per connection. */
  readonly #declared = new WeakMap<AmqpConnection, Map<string, Promise<Result>>>();

  constructor(prefix: string, limitMs: number) {
    this.#prefix = prefix;
    this.#limitMs = limitMs;
  }

  nameOf(queue: QueueConfig, destination: Destination): string {
    return nameOf(queue, destination, this.#prefix);
  }

  waitQueueNames(queue: QueueConfig): readonly string[] {
    return [...new Set(queue.retryDelaysMs)].map((afterMs) => this.nameOf(queue, { afterMs }));
  }

  /** Declares the queue, its dead-letter queue and its wait queues, or checks that they exist. A failure is not cached. */
  ensure(connection: AmqpConnection, queue: QueueConfig): Promise<Result> {
    const declared = this.#declared.get(connection) ?? new Map<string, Promise<Result>>();
    this.#declared.set(connection, declared);
    const key = keyOf(queue);
    const declaring =
      declared.get(key) ??
      (queue.declare === false ? this.#check(connection, queue) : this.#declare(connection, queue));
    declared.set(key, declaring);
    void declaring.then((result) => {
      if (!result.ok) declared.delete(key);
    });
    return declaring;
  }

  /** Removes a queue from the cache, because it does not exist on the broker anymore. */
  forget(connection: AmqpConnection, queue: QueueConfig): void {
    this.#declared.get(connection)?.delete(keyOf(queue));
  }

  async #declare(connection: AmqpConnection, queue: QueueConfig): Promise<Result> {
    const declarations = declarationsOf(queue, this.#prefix);
    let current = declarations[0];
    const declareAll = async (channel: Channel) => {
      for (current of declarations) await channel.assertQueue(current.name, current.options);
    };
    const result = await connection.request(declareAll, this.#limitMs);
    if (result.ok || result.failure !== "mismatch" || current === undefined) return result;
    const differences = await findDifferences(connection, current, result.mismatch.differences, this.#limitMs);
    return { ok: false, failure: "mismatch", mismatch: { queue: current.name, differences } };
  }

  /** Checks that the queues exist. Each check has its own channel, because a missing queue closes the channel. */
  async #check(connection: AmqpConnection, queue: QueueConfig): Promise<Result> {
    const missing: Declaration[] = [];
    for (const declaration of declarationsOf(queue, this.#prefix)) {
      const result = await connection.request((channel) => channel.checkQueue(declaration.name), this.#limitMs);
      if (result.ok) continue;
      if (result.failure !== "unroutable") return result;
      missing.push(declaration);
    }
    if (missing.length === 0) return done;
    const command = creationCommand(missing, connection.virtualHost);
    return { ok: false, failure: "missing", missing: { queues: missing.map(({ name }) => name), command } };
  }
}

/**
 * Returns the declarations of a queue, in an order in which each queue exists before another queue sends messages to it.
 *
 * @param prefix of every name
 */
export function declarationsOf(queue: QueueConfig, prefix: string): readonly Declaration[] {
  const main = nameOf(queue, "ready", prefix);
  const dead = nameOf(queue, "dead", prefix);
  const { type } = queue;
  return [
    // RabbitMQ 4 sets a delivery limit if none is given, and reading a dead letter counts as a delivery.
    declaration(dead, type, type === "quorum" ? { "x-delivery-limit": MAX_DELIVERY_LIMIT } : {}),
    declaration(main, type, {
      ...deadLettering(type, dead),
      ...(type === "quorum" && { "x-delivery-limit": deliveryLimitOf(queue) }),
    }),
    ...[...new Set(queue.retryDelaysMs)].map((afterMs) =>
      declaration(nameOf(queue, { afterMs }, prefix), type, { ...deadLettering(type, main), "x-message-ttl": afterMs }),
    ),
  ];
}

function nameOf(queue: QueueConfig, destination: Destination, prefix: string): string {
  const name = prefix + queue.name;
  if (destination === "ready") return name;
  return destination === "dead" ? `${name}.dead` : `${name}.wait.${destination.afterMs}`;
}

/** Returns a key of a queue and its arguments. */
export function keyOf(queue: QueueConfig): string {
  const { name, type, declare = true, retryDelaysMs } = queue;
  return [name, type, declare, deliveryLimitOf(queue), ...retryDelaysMs].join(" ");
}

function declaration(name: string, type: QueueConfig["type"], args: Readonly<Record<string, unknown>>): Declaration {
  return { name, options: { durable: true, arguments: { "x-queue-type": type, ...args } } };
}

/**
 * Returns the arguments for dead-lettering to `target`. Quorum queues support at-least-once dead-lettering, only together with
 * "reject-publish". The default strategy can lose messages.
 */
function deadLettering(type: QueueConfig["type"], target: string): Readonly<Record<string, unknown>> {
  return {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": target,
    ...(type === "quorum" && { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" }),
  };
}

/**
 * Returns a shell command that creates queues exactly as the driver would declare them. `rabbitmqctl` is part of every
 * RabbitMQ and needs no plugin. The same JSON can be imported in the management UI.
 */
function creationCommand(declarations: readonly Declaration[], virtualHost: string): string {
  const queues = declarations.map(({ name, options }) => ({
    vhost: virtualHost,
    name,
    durable: options.durable,
    auto_delete: false,
    arguments: options.arguments,
  }));
  return `printf %s ${quote(JSON.stringify({ queues }))} > queues.json && rabbitmqctl import_definitions queues.json`;
}

/** Quotes a text for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const MAX_DIFFERENCES = 10;
const FLAGS: Readonly<Record<string, keyof Options.AssertQueue>> = {
  durable: "durable",
  auto_delete: "autoDelete",
  exclusive: "exclusive",
};

/**
 * Finds all differences between an existing queue and its declaration. The server reports one difference at a time. So the queue
 * is declared again with the reported value, until the server accepts it or reports no new difference.
 */
async function findDifferences(
  connection: AmqpConnection,
  { name, options }: Declaration,
  first: readonly ArgumentDifference[],
  limitMs: number,
): Promise<readonly ArgumentDifference[]> {
  const differences = [...first];
  let adapted = options;
  for (let latest = first[0]; latest !== undefined && differences.length < MAX_DIFFERENCES; ) {
    adapted = applyDifference(adapted, latest);
    const result = await connection.request((channel) => channel.assertQueue(name, adapted), limitMs);
    if (result.ok || result.failure !== "mismatch") break;
    latest = result.mismatch.differences.find(
      ({ argument }) => !differences.some((known) => known.argument === argument),
    );
    if (latest !== undefined) differences.push(latest);
  }
  return differences;
}

/** Returns the options with the actual value of one argument. */
function applyDifference(options: Options.AssertQueue, { argument, actual }: ArgumentDifference): Options.AssertQueue {
  const flag = FLAGS[argument];
  if (flag !== undefined) return { ...options, [flag]: actual === "'true'" };
  const { [argument]: _, ...others } = options.arguments;
  const value = /^'(.*)'$/s.exec(actual)?.[1];
  if (value === undefined) return { ...options, arguments: others };
  return { ...options, arguments: { ...others, [argument]: /^-?\d+$/.test(value) ? Number(value) : value } };
}
