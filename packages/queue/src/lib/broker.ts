import {
  checkDuration,
  checkInteger,
  checkListener,
  checkMessageId,
  checkOptions,
  invalid,
  isDuration,
  type KeysOf,
  MAX_PREFETCH,
  show,
  unknownKey,
} from "./arguments.js";
import { Availability } from "./availability.js";
import { type BrokerAccess, type ClosableConsumer, withAccess } from "./broker-access.js";
import { ActiveConsumer, ackTimeoutWarning, DEFAULT_GRACE_MS, type Report } from "./consumer.js";
import { discard, listDeadLetters, redrive, type Selection } from "./dead-letters.js";
import { checkDedupe } from "./dedupe.js";
import { checkDefinition, type QueueDefinition } from "./definition.js";
import { type BrokerEvent, type DriverHealth, isDriver, type QueueDriver, type Result } from "./driver.js";
import type { QueueError } from "./errors.js";
import { type BrokerMethod, toError } from "./failures.js";
import { publish, publishMany } from "./publish.js";
import type { Broker, ConsumeOptions, Consumer, Handler, QueueHealth } from "./types.js";

const DEFAULT_HEALTH_TIMEOUT_MS = 2_000;
const MAX_LISTED = 10_000;
const MAX_REDRIVE_RATE = 100_000;

/** Type of the options of a method. `Index` is the index of the parameter. */
type Options<Method extends (...parameters: never) => unknown, Index extends number> = NonNullable<
  Parameters<Method>[Index]
>;
const BROKER_OPTIONS: KeysOf<Options<typeof createBroker, 0>> = { driver: true, onError: true, onEvent: true };
const CONSUME_OPTIONS: KeysOf<ConsumeOptions> = {
  concurrency: true,
  prefetch: true,
  timeoutMs: true,
  dedupe: true,
  onUnreadable: true,
};
const DEAD_LETTERS_OPTIONS: KeysOf<Options<Broker["deadLetters"], 1>> = { limit: true };
const DISCARD_OPTIONS: KeysOf<Options<Broker["discard"], 1>> = { limit: true, ids: true };
const REDRIVE_OPTIONS: KeysOf<Options<Broker["redrive"], 1>> = { ...DISCARD_OPTIONS, perSecond: true };
const HEALTH_OPTIONS: KeysOf<Options<Broker["health"], 0>> = { timeoutMs: true };
const CLOSE_OPTIONS: KeysOf<Options<Broker["close"], 0> & Options<Consumer["close"], 0>> = { graceMs: true };

/**
 * Creates a broker. It connects at the first call.
 *
 * @param options.driver `memoryDriver()` or `rabbitmqDriver({ url })`. There is no default, because the memory driver loses all
 *   messages when the process exits
 * @param options.onError receives errors that no call returns: errors thrown by handlers (unchanged, so not necessarily an
 *   Error), invalid payloads, and lost connections. An error thrown by `onError` is ignored
 * @param options.onEvent receives an event for each established connection, the first one and each replacement of a lost one. An
 *   error thrown by `onEvent` is ignored
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
  checkListener(options.onError, "onError");
  checkListener(options.onEvent, "onEvent");
  const report = ignoreErrors(options.onError);
  const availability = new Availability();
  const session = driver.open(
    (failure, queue) => report(toError(failure, { queue }), queue === undefined ? {} : { queue }),
    ignoreErrors(options.onEvent),
    (available) => availability.set(available),
  );
  /** Open consumers, each with its warning. */
  const consumers = new Map<ClosableConsumer, QueueError | null>();
  let closing = false;
  let closeResult: Promise<void> | undefined;
  /** True when all consumers have closed. Until then, a running handler can still publish. */
  let closed = false;

  function assertOpen(call: BrokerMethod, queue: QueueDefinition, open = !closed): void {
    checkDefinition(queue);
    if (!open) throw toError({ ok: false, failure: "closed", indeterminate: false }, { call, queue: queue.name });
  }

  async function consume<Q extends QueueDefinition>(
    queue: Q,
    handler: Handler<Q>,
    options?: ConsumeOptions,
  ): Promise<Consumer> {
    assertOpen("consume", queue, !closing);
    const given = checkOptions(options, CONSUME_OPTIONS, "consume");
    const { concurrency = 1, prefetch = concurrency, timeoutMs, dedupe, onUnreadable } = given;
    if (typeof handler !== "function") {
      return invalid(`The handler of consume must be an async function of a message (got ${show(handler)}).`);
    }
    checkInteger(concurrency, "`concurrency`", 1, MAX_PREFETCH);
    checkInteger(prefetch, "`prefetch`", 1, MAX_PREFETCH);
    if (timeoutMs !== undefined) checkDuration(timeoutMs, "`timeoutMs`", 1);
    if (dedupe !== undefined) checkDedupe(dedupe);
    if (onUnreadable !== undefined && typeof onUnreadable !== "function") {
      return invalid(`\`onUnreadable\` must be an async function of a message (got ${show(onUnreadable)}).`);
    }

    const settings = { concurrency, prefetch, timeoutMs, dedupe, onUnreadable };
    const consumer = new ActiveConsumer(queue, handler, settings, session, report);
    const warning = ackTimeoutWarning(queue, { concurrency, prefetch, timeoutMs }, session.ackTimeoutMs);
    consumers.set(consumer, warning);
    const result = await session.consume(queue, consumer, { prefetch });
    if (!result.ok) {
      consumers.delete(consumer);
      throw toError(result, { call: "consume", queue: queue.name });
    }
    consumer.attach(result.value);
    if (warning !== null) report(warning, { queue: queue.name });
    const close = async (closeOptions?: { readonly graceMs?: number | undefined }) => {
      const graceMs = readGraceMs(closeOptions);
      await consumer.close(graceMs);
      consumers.delete(consumer);
    };
    return { close, [Symbol.asyncDispose]: () => close() };
  }

  async function close(closeOptions?: { readonly graceMs?: number | undefined }): Promise<void> {
    const graceMs = readGraceMs(closeOptions);
    closing = true;
    closeResult ??= (async () => {
      closed = consumers.size === 0;
      const startedAt = performance.now();
      await Promise.all([...consumers.keys()].map((consumer) => consumer.close(graceMs)));
      closed = true;
      await session.close(Math.max(0, graceMs - (performance.now() - startedAt)));
    })();
    await closeResult;
  }

  const access: BrokerAccess = {
    session,
    addConsumer(consumer) {
      consumers.set(consumer, null);
      return () => void consumers.delete(consumer);
    },
    availability,
    traced: (_queue, run) => run,
    count: () => {},
  };
  const broker: Broker = {
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
      checkInteger(limit, "`limit`", 1, MAX_LISTED);
      return unwrap(await listDeadLetters(session, queue, limit), "deadLetters", queue);
    },
    async redrive(queue, query) {
      assertOpen("redrive", queue);
      const given = checkOptions(query, REDRIVE_OPTIONS, "redrive");
      const perSecond = given.perSecond ?? null;
      if (perSecond !== null) checkInteger(perSecond, "`perSecond`", 1, MAX_REDRIVE_RATE);
      return unwrap(await redrive(session, queue, readSelection(given), perSecond), "redrive", queue);
    },
    async discard(queue, query) {
      assertOpen("discard", queue);
      const given = checkOptions(query, DISCARD_OPTIONS, "discard");
      return unwrap(await discard(session, queue, readSelection(given)), "discard", queue);
    },
    async purge(queue) {
      assertOpen("purge", queue);
      return unwrap(await session.purge(queue), "purge", queue);
    },
    async health(healthOptions) {
      const timeoutMs = healthOptions?.timeoutMs ?? DEFAULT_HEALTH_TIMEOUT_MS;
      const valid = isDuration(timeoutMs, 1) ? timeoutMs : DEFAULT_HEALTH_TIMEOUT_MS;
      const problem = unknownKey(healthOptions ?? {}, HEALTH_OPTIONS, "health", "option");
      const warnings = [problem, ...[...consumers.values()].map((warning) => warning?.message)];
      return toQueueHealth(driver.name, await session.health(valid), warnings);
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  return withAccess(broker, access);
}

function readGraceMs(options: Parameters<Broker["close"]>[0]): number {
  return checkDuration(checkOptions(options, CLOSE_OPTIONS, "close").graceMs ?? DEFAULT_GRACE_MS, "`graceMs`");
}

function readSelection({ limit = Number.MAX_SAFE_INTEGER, ids }: Options<Broker["discard"], 1>): Selection {
  checkInteger(limit, "`limit`", 1, Number.MAX_SAFE_INTEGER);
  if (ids !== undefined && !Array.isArray(ids))
    return invalid(`\`ids\` must be an array of message ids (got ${show(ids)}).`);
  return { limit, ids: ids === undefined ? null : new Set(ids.map(checkMessageId)) };
}

function unwrap<T>(result: Result<T>, call: BrokerMethod, queue: QueueDefinition): T {
  if (!result.ok) throw toError(result, { call, queue: queue.name });
  return result.value;
}

function toQueueHealth(
  driver: string,
  { error, ...rest }: DriverHealth,
  coreWarnings: readonly (string | null | undefined)[],
): QueueHealth {
  const warnings = [...rest.warnings, ...coreWarnings.flatMap((warning) => warning ?? [])];
  if (error !== null) return { status: "unhealthy", driver, ...rest, warnings, error };
  return { status: rest.blocked ? "degraded" : "healthy", driver, ...rest, warnings };
}

/** Wraps a listener so that its errors are ignored. */
function ignoreErrors<A extends unknown[]>(listener: ((...args: A) => void) | undefined): (...args: A) => void {
  return (...args) => {
    try {
      listener?.(...args);
    } catch {
      // A failing logger must not affect the broker.
    }
  };
}
