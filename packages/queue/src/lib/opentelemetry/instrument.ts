import {
  type Context,
  context,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import { findAccess, withAccess } from "../broker-access.js";
import { checkDefinition, type QueueDefinition } from "../definition.js";
import { QueueError } from "../errors.js";
import type { Broker, Handler, Message, PublishOptions } from "../types.js";
import { type HandlerOutcome, type HandlerResult, type OperationContext, QueueGauges, Telemetry } from "./telemetry.js";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Provider of the tracer. @default the provider registered with the API */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Provider of the meter. @default the provider registered with the API at the time of the call */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Queues whose messages are counted by state at each export. It is enough to set them in one process of a service.
   * @default none
   */
  readonly queues?: readonly QueueDefinition[] | undefined;
  /** Name of the messaging system in spans and metrics. @default "rabbitmq" */
  readonly system?: string | undefined;
}

const INSTRUMENT_OPTIONS: KeysOf<InstrumentOptions> = {
  tracerProvider: true,
  meterProvider: true,
  queues: true,
  system: true,
};

const SCOPE = "@subtitles/queue";

/**
 * Returns a broker with the same behaviour that records traces and metrics according to the OpenTelemetry conventions for messaging.
 * The header `traceparent` propagates the trace of a message. If a message already has this header, for example from an outbox, its
 * trace continues. Its handler runs in that trace, in any process.
 *
 * Spans are named `send <queue>` and `process <queue>`. Metrics: `messaging.client.operation.duration`,
 * `messaging.client.sent.messages`, `messaging.client.consumed.messages`, `messaging.process.duration`;
 * `subtitles.message.retries` and `subtitles.message.dead_letters`, which count failures of handlers (a message with an invalid
 * payload reaches no handler); and, for the given `queues`, `subtitles.queue.messages` by state: ready, unacked, delayed, dead.
 *
 * A worker that uses the broker calls its `run` in a span `process <queue>`, and `subtitles.worker.outcomes` counts its events by
 * type: done, failed, postponed, retrying, lost, skipped.
 *
 * The SDK must be started before the call. Ids are recorded, payloads are not.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function instrument(broker: Broker, options: InstrumentOptions = {}): Broker {
  if (typeof broker?.publish !== "function") return invalid("instrument needs a broker made by createBroker.");
  checkOptions(options, INSTRUMENT_OPTIONS, "instrument");
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
  const telemetry = new Telemetry(tracer, meter, options.system ?? "rabbitmq");
  const gauges = new QueueGauges(meter, broker, options.queues ?? []);

  const close = async (closeOptions?: { readonly graceMs?: number | undefined }) => {
    gauges.stop();
    await broker.close(closeOptions);
  };
  const instrumented: Broker = {
    publish: async (queue, payload, publishOptions) => {
      checkDefinition(queue);
      const parent = extractTrace(publishOptions?.headers ?? {}) ?? context.active();
      const publish = async (span: Span) => {
        const receipt = await broker.publish(queue, payload, injectTrace(publishOptions));
        span.setAttribute("messaging.message.id", receipt.id);
        return receipt;
      };
      return telemetry.send({ queue, parent, attributes: {} }, publish, () => 1);
    },
    publishMany: async (queue, messages) => {
      checkDefinition(queue);
      if (!Array.isArray(messages)) return invalid("The messages of publishMany must be an array.");
      const attributes = { "messaging.batch.message_count": messages.length };
      // Called in the span. A message that has a trace keeps it.
      const withTrace = () =>
        messages.map((message) => {
          const given: PublishOptions | undefined = message?.options;
          return { ...message, options: given?.headers?.traceparent === undefined ? injectTrace(given) : given };
        });
      return telemetry.send(
        { queue, parent: context.active(), attributes },
        () => broker.publishMany(queue, withTrace()),
        (results) => results.filter(({ status }) => status === "fulfilled").length,
      );
    },
    consume: async (queue, handler, consumeOptions) => {
      checkDefinition(queue);
      if (typeof handler !== "function") return broker.consume(queue, handler, consumeOptions);
      return broker.consume(queue, tracedHandler(telemetry, queue, handler), consumeOptions);
    },
    stats: (queue) => broker.stats(queue),
    deadLetters: (queue, query) => broker.deadLetters(queue, query),
    redrive: (queue, query) => broker.redrive(queue, query),
    discard: (queue, query) => broker.discard(queue, query),
    purge: (queue) => broker.purge(queue),
    health: (query) => broker.health(query),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  const access = findAccess(broker);
  if (access === null) return instrumented;
  return withAccess(instrumented, {
    ...access,
    traced: (queue, run) =>
      access.traced(queue, (message) => telemetry.run(contextOf(queue, message), () => run(message))),
    count: (queue, event) => {
      access.count(queue, event);
      telemetry.count(queue, event);
    },
  });
}

/** Wraps a handler so that it runs in the trace of its message, or in a new one. */
function tracedHandler<Q extends QueueDefinition>(telemetry: Telemetry, queue: Q, handler: Handler<Q>): Handler<Q> {
  return (message) =>
    telemetry.process(
      contextOf(queue, message),
      () => handler(message),
      (result) => outcomeOf(message, result),
    );
}

/** Returns the properties of the span in which a message is handled. */
function contextOf<Q extends QueueDefinition>(queue: Q, message: Message<Q>): OperationContext {
  return {
    queue,
    parent: extractTrace(message.headers) ?? ROOT_CONTEXT,
    attributes: {
      "messaging.message.id": message.id,
      "subtitles.message.attempt": message.attempt,
      "subtitles.message.redelivered": message.redelivered,
    },
  };
}

/** Returns the outcome that the consumer will apply; see active-message.ts. */
function outcomeOf(
  { signal, lastAttempt }: Pick<Message<QueueDefinition>, "signal" | "lastAttempt">,
  result: HandlerResult<Awaited<ReturnType<Handler<QueueDefinition>>>>,
): HandlerOutcome {
  const failed: HandlerOutcome = lastAttempt ? "dead-lettered" : "retried";
  if (QueueError.is(signal.reason, "TIMEOUT")) return failed;
  if ("error" in result) return signal.aborted ? "released" : failed;
  if (result.verdict?.kind === "deadLetter") return "dead-lettered";
  return result.verdict?.kind === "retry" ? failed : "acknowledged";
}

/** Returns the trace in the headers; null if there is none. */
function extractTrace(headers: Readonly<Record<string, string>>): Context | null {
  const extracted = propagation.extract(ROOT_CONTEXT, headers);
  return trace.getSpanContext(extracted) === undefined ? null : extracted;
}

/** Adds the active trace to the headers. Invalid headers are returned unchanged, and the broker rejects them. */
function injectTrace(options: PublishOptions | undefined): PublishOptions | undefined {
  const given: unknown = options?.headers ?? {};
  if (typeof given !== "object" || given === null || Array.isArray(given)) return options;
  const headers: Record<string, string> = { ...given };
  propagation.inject(context.active(), headers);
  return Object.keys(headers).length === 0 ? options : { ...options, headers };
}
