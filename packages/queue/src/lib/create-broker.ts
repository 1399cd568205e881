import { warnOfAckTimeout } from "./ack-timeout.js";
import {
  checkDuration,
  checkMessageId,
  checkOptions,
  checkWhole,
  invalid,
  isDuration,
  type KeysOf,
  unknownKey,
} from "./arguments.js";
import type { Broker, ConsumeOptions, Consumer, QueueHealth } from "./broker.js";
import type { BrokerEvent } from "./broker-event.js";
import { ActiveConsumer, DEFAULT_GRACE_MS, type Report } from "./consumer.js";
import { discard, listDeadLetters, redrive, type Selection } from "./dead-letters.js";
import { checkDedupe } from "./dedupe.js";
import { checkDefinition, type QueueDefinition } from "./definition.js";
import { type Answer, type DriverHealth, isDriver, type QueueDriver } from "./driver.js";
import type { QueueError } from "./errors.js";
import { type Call, toError } from "./failures.js";
import type { Handler } from "./message.js";
import { publish, publishMany } from "./publishing.js";

const DEFAULT_HEALTH_TIMEOUT_MS = 2_000;
/** What AMQP can count. */
const MOST_UNSETTLED = 65_535;
const MOST_LISTED = 10_000;
const FASTEST_REDRIVE = 100_000;

/** Type of the options of a call, which are the parameter with this index. */
type Options<Call extends (...parameters: never) => unknown, Index extends number> = NonNullable<
  Parameters<Call>[Index]
>;
const BROKER_OPTIONS: KeysOf<Options<typeof createBroker, 0>> = { driver: true, onError: true, onEvent: true };
const CONSUME_OPTIONS: KeysOf<ConsumeOptions> = { concurrency: true, prefetch: true, timeoutMs: true, dedupe: true };
const DEAD_LETTERS_OPTIONS: KeysOf<Options<Broker["deadLetters"], 1>> = { limit: true };
const DISCARD_OPTIONS: KeysOf<Options<Broker["discard"], 1>> = { limit: true, ids: true };
const REDRIVE_OPTIONS: KeysOf<Options<Broker["redrive"], 1>> = { ...DISCARD_OPTIONS, perSecond: true };
const HEALTH_OPTIONS: KeysOf<Options<Broker["health"], 0>> = { timeoutMs: true };
const CLOSE_OPTIONS: KeysOf<Options<Broker["close"], 0> & Options<Consumer["close"], 0>> = { graceMs: true };

/**
 * A broker over a driver. Connects when first used.
 *
 * @param options.driver `memoryDriver()` or `rabbitmqDriver({ url })`: there is no default, since losing messages on exit
 *   must be a choice
 * @param options.onError told of what no caller waits for: handlers that threw, payloads that were refused on arrival, lost
 *   connections. What a handler threw arrives as it is, so it need not be an Error. What `onError` throws is ignored
 * @param options.onEvent told of each connection that is there: the first, and those in the place of one that was lost. What
 *   it throws is ignored
 * @throws QueueError INVALID_ARGUMENT
 */
export function createBroker(options: {
  readonly driver: QueueDriver;
  readonly onError?: Report | undefined;
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
}): Broker {
  const driver = options?.driver;
  if (!isDriver(driver)) return invalid("createBroker needs a driver: memoryDriver() or rabbitmqDriver({ url }).");
  checkOptions(options, BROKER_OPTIONS, "createBroker");
  const report = safely(options.onError);
  const session = driver.open(
    (failure, queue) => report(toError(failure, { queue }), queue === undefined ? {} : { queue }),
    safely(options.onEvent),
  );
  /** Each with what is to be said about it. */
  const consumers = new Map<{ close(graceMs: number): Promise<void> }, QueueError | null>();
  let closing: Promise<void> | undefined;
  /** Later than `closing`: a handler that finishes its work meanwhile may still publish. */
  let closed = false;

  function assertOpen(call: Call, queue: QueueDefinition, open = !closed): void {
    checkDefinition(queue);
    if (!open) throw toError({ ok: false, failure: "closed", indeterminate: false }, { call, queue: queue.name });
  }

  async function consume<Q extends QueueDefinition>(
    queue: Q,
    handler: Handler<Q>,
    options?: ConsumeOptions,
  ): Promise<Consumer> {
    assertOpen("consume", queue, closing === undefined);
    const given = checkOptions(options, CONSUME_OPTIONS, "consume");
    const { concurrency = 1, prefetch = concurrency, timeoutMs, dedupe } = given;
    if (typeof handler !== "function") return invalid("consume needs a handler: an async function of a message.");
    checkWhole(concurrency, "concurrency", 1, MOST_UNSETTLED);
    checkWhole(prefetch, "prefetch", 1, MOST_UNSETTLED);
    if (timeoutMs !== undefined) checkDuration(timeoutMs, "timeoutMs", 1);
    if (dedupe !== undefined) checkDedupe(dedupe);

    const consumer = new ActiveConsumer(queue, handler, { concurrency, prefetch, timeoutMs, dedupe }, session, report);
    const warning = warnOfAckTimeout(queue, { concurrency, prefetch, timeoutMs }, session.ackTimeoutMs);
    consumers.set(consumer, warning);
    const answer = await session.consume(queue, consumer, { prefetch });
    if (!answer.ok) {
      consumers.delete(consumer);
      throw toError(answer, { call: "consume", queue: queue.name });
    }
    consumer.attach(answer.value);
    if (warning !== null) report(warning, { queue: queue.name });
    const close = async (closeOptions?: { readonly graceMs?: number | undefined }) => {
      const graceMs = graceOf(closeOptions);
      await consumer.close(graceMs);
      consumers.delete(consumer);
    };
    return { close, [Symbol.asyncDispose]: () => close() };
  }

  async function close(closeOptions?: { readonly graceMs?: number | undefined }): Promise<void> {
    const graceMs = graceOf(closeOptions);
    closing ??= (async () => {
      closed = consumers.size === 0;
      const startedAt = performance.now();
      await Promise.all([...consumers.keys()].map((consumer) => consumer.close(graceMs)));
      closed = true;
      await session.close(Math.max(0, graceMs - (performance.now() - startedAt)));
    })();
    await closing;
  }

  return {
    async publish(queue, payload, publishOptions) {
      assertOpen("publish", queue);
      return publish(session, queue, payload, publishOptions);
    },
    async publishMany(queue, messages) {
      assertOpen("publishMany", queue);
      return publishMany(session, queue, messages);
    },
    consume,
    async stats(queue) {
      assertOpen("stats", queue);
      return unwrap(await session.stats(queue), "stats", queue);
    },
    async deadLetters(queue, query) {
      assertOpen("deadLetters", queue);
      const { limit = 100 } = checkOptions(query, DEAD_LETTERS_OPTIONS, "deadLetters");
      checkWhole(limit, "limit", 1, MOST_LISTED);
      return unwrap(await listDeadLetters(session, queue, limit), "deadLetters", queue);
    },
    async redrive(queue, query) {
      assertOpen("redrive", queue);
      const given = checkOptions(query, REDRIVE_OPTIONS, "redrive");
      const perSecond = given.perSecond ?? null;
      if (perSecond !== null) checkWhole(perSecond, "perSecond", 1, FASTEST_REDRIVE);
      return unwrap(await redrive(session, queue, selected(given), perSecond), "redrive", queue);
    },
    async discard(queue, query) {
      assertOpen("discard", queue);
      const given = checkOptions(query, DISCARD_OPTIONS, "discard");
      return unwrap(await discard(session, queue, selected(given)), "discard", queue);
    },
    async purge(queue) {
      assertOpen("purge", queue);
      return unwrap(await session.purge(queue), "purge", queue);
    },
    async health(healthOptions) {
      const timeoutMs = healthOptions?.timeoutMs ?? DEFAULT_HEALTH_TIMEOUT_MS;
      const valid = isDuration(timeoutMs, 1) ? timeoutMs : DEFAULT_HEALTH_TIMEOUT_MS;
      const fault = unknownKey(healthOptions ?? {}, HEALTH_OPTIONS, "health", "option");
      const warnings = [fault, ...[...consumers.values()].map((warning) => warning?.message)];
      return healthOf(driver.name, await session.health(valid), warnings);
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function graceOf(options: Parameters<Broker["close"]>[0]): number {
  return checkDuration(checkOptions(options, CLOSE_OPTIONS, "close").graceMs ?? DEFAULT_GRACE_MS, "graceMs");
}

function selected({ limit = Number.MAX_SAFE_INTEGER, ids }: Options<Broker["discard"], 1>): Selection {
  checkWhole(limit, "limit", 1, Number.MAX_SAFE_INTEGER);
  if (ids !== undefined && !Array.isArray(ids)) return invalid("ids must be an array of message ids.");
  return { limit, ids: ids === undefined ? null : new Set(ids.map(checkMessageId)) };
}

function unwrap<T>(answer: Answer<T>, call: Call, queue: QueueDefinition): T {
  if (!answer.ok) throw toError(answer, { call, queue: queue.name });
  return answer.value;
}

function healthOf(
  driver: string,
  { fault, ...rest }: DriverHealth,
  ownWarnings: readonly (string | null | undefined)[],
): QueueHealth {
  const warnings = [...rest.warnings, ...ownWarnings.flatMap((warning) => warning ?? [])];
  if (fault !== null) return { status: "unhealthy", driver, ...rest, warnings, error: fault };
  return { status: rest.blocked ? "degraded" : "healthy", driver, ...rest, warnings };
}

function safely<A extends unknown[]>(listener: ((...news: A) => void) | undefined): (...news: A) => void {
  return (...news) => {
    try {
      listener?.(...news);
    } catch {
      // A failing logger must not fail the queue.
    }
  };
}
