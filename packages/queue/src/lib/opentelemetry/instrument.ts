import { context, type MeterProvider, metrics, type Span, type TracerProvider, trace } from "@opentelemetry/api";
import { checkOptions, invalid, type KeysOf } from "../arguments.js";
import type { Broker } from "../broker.js";
import { checkDefinition, type QueueDefinition } from "../definition.js";
import { handleTraced } from "./consuming.js";
import { Gauges } from "./gauges.js";
import { carried, traced, tracedOnce } from "./propagation.js";
import { Recorder } from "./recorder.js";

/** Where spans and figures go, and which. */
export interface InstrumentOptions {
  /** @default the one registered with the API */
  readonly tracerProvider?: TracerProvider | undefined;
  /** @default the one registered with the API at the time of the call */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Queues whose messages are counted, by where they stand, at each export. One process of a service is enough.
   * @default none
   */
  readonly queues?: readonly QueueDefinition[] | undefined;
  /** What the messaging system is called in spans and figures. @default "rabbitmq" */
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
 * The same broker, traced and measured in OpenTelemetry's conventions for messaging. A message carries its trace in
 * `traceparent`: one that has it already, because an outbox kept it, goes on with that trace; and its handler works within
 * it, in whatever process.
 *
 * Spans are named `send <queue>` and `process <queue>`. Metrics: `messaging.client.operation.duration`,
 * `messaging.client.sent.messages`, `messaging.client.consumed.messages`, `messaging.process.duration`;
 * `subtitles.message.retries` and `subtitles.message.dead_letters`, counted as handlers fail (a payload that is refused
 * reaches none); and, for the `queues` given, `subtitles.queue.messages` by state: ready, unacked, delayed, dead.
 *
 * Start the SDK before. Payloads are not recorded; ids are.
 *
 * @throws QueueError INVALID_ARGUMENT
 */
export function instrument(broker: Broker, options: InstrumentOptions = {}): Broker {
  if (typeof broker?.publish !== "function") return invalid("instrument needs a broker, made by createBroker.");
  checkOptions(options, INSTRUMENT_OPTIONS, "instrument");
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
  const recorder = new Recorder(tracer, meter, options.system ?? "rabbitmq");
  const gauges = new Gauges(meter, broker, options.queues ?? []);

  const close = async (closeOptions?: { readonly graceMs?: number | undefined }) => {
    gauges.stop();
    await broker.close(closeOptions);
  };
  return {
    publish: async (queue, payload, publishOptions) => {
      checkDefinition(queue);
      const parent = carried(publishOptions?.headers ?? {}) ?? context.active();
      const publish = async (span: Span) => {
        const receipt = await broker.publish(queue, payload, traced(publishOptions));
        span.setAttribute("messaging.message.id", receipt.id);
        return receipt;
      };
      return recorder.send({ queue, parent, attributes: {} }, publish, () => 1);
    },
    publishMany: async (queue, messages) => {
      checkDefinition(queue);
      if (!Array.isArray(messages)) return invalid("publishMany takes an array of messages.");
      const attributes = { "messaging.batch.message_count": messages.length };
      // Within the span; a message that has a trace already keeps it.
      const all = () => messages.map((message) => ({ ...message, options: tracedOnce(message?.options) }));
      return recorder.send(
        { queue, parent: context.active(), attributes },
        () => broker.publishMany(queue, all()),
        (results) => results.filter(({ status }) => status === "fulfilled").length,
      );
    },
    consume: async (queue, handler, consumeOptions) => {
      checkDefinition(queue);
      if (typeof handler !== "function") return broker.consume(queue, handler, consumeOptions);
      return broker.consume(queue, handleTraced(recorder, queue, handler), consumeOptions);
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
}
