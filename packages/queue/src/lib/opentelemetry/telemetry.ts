import {
  type Attributes,
  type BatchObservableCallback,
  type Context,
  type Counter,
  type Histogram,
  type Meter,
  type ObservableGauge,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import type { QueueDefinition } from "../definition.js";
import { isError, QueueError } from "../errors.js";
import type { Broker } from "../types.js";

/** Buckets of publish durations in seconds, as recommended by the conventions for messaging. */
const SEND_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Buckets of handler durations in seconds. Handlers can run for a long time. */
const PROCESS_BUCKETS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600];

/** Events of a worker that are counted. */
const WORKER_OUTCOMES: ReadonlySet<string> = new Set(["done", "failed", "postponed", "retrying", "lost", "skipped"]);

/** Outcome of a delivery, as far as the handler determines it. */
export type HandlerOutcome = "acknowledged" | "retried" | "dead-lettered" | "released";

/** Result of a handler. */
export type HandlerResult<R> = { readonly verdict: R } | { readonly error: unknown };

/** Properties of the span of a publish or a delivery. */
export interface OperationContext {
  readonly queue: QueueDefinition;
  /** Context whose trace the span continues. */
  readonly parent: Context;
  readonly attributes: Attributes;
}

/** Records publishes and deliveries as spans and metrics. */
export class Telemetry {
  readonly #tracer: Tracer;
  readonly #system: string;
  readonly #sendDurations: Histogram;
  readonly #sent: Counter;
  readonly #processDurations: Histogram;
  readonly #consumed: Counter;
  readonly #retries: Counter;
  readonly #deadLetters: Counter;
  readonly #workerOutcomes: Counter;

  constructor(tracer: Tracer, meter: Meter, system: string) {
    const counter = (name: string, description: string) =>
      meter.createCounter(name, { unit: "{message}", description });
    const histogram = (name: string, description: string, explicitBucketBoundaries: number[]) =>
      meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries } });
    this.#tracer = tracer;
    this.#system = system;
    // Attributes: `error.type` (the code of the error).
    this.#sendDurations = histogram(
      "messaging.client.operation.duration",
      "Duration until a publish is confirmed.",
      SEND_BUCKETS,
    );
    this.#sent = counter("messaging.client.sent.messages", "Number of messages published and confirmed.");
    // Attributes: `error.type` (the code or the name of the error).
    this.#processDurations = histogram("messaging.process.duration", "Duration of handlers.", PROCESS_BUCKETS);
    this.#consumed = counter("messaging.client.consumed.messages", "Number of messages delivered to a handler.");
    this.#retries = counter("subtitles.message.retries", "Number of messages that failed and will be retried.");
    this.#deadLetters = counter("subtitles.message.dead_letters", "Number of messages that were dead-lettered.");
    // Attributes: `subtitles.worker.outcome` (done, failed, postponed, retrying, lost or skipped).
    this.#workerOutcomes = counter(
      "subtitles.worker.outcomes",
      "Number of messages that a worker settled, by outcome.",
    );
  }

  /**
   * Runs a publish in a span.
   *
   * @param countConfirmed returns the number of confirmed messages
   */
  send<R>(
    context: OperationContext,
    publish: (span: Span) => Promise<R>,
    countConfirmed: (result: R) => number,
  ): Promise<R> {
    const common = this.#commonAttributes(context, "send");
    const options = { common, kind: SpanKind.PRODUCER, durations: this.#sendDurations };
    return this.#runInSpan(context, options, async (span) => {
      const result = await publish(span);
      this.#sent.add(countConfirmed(result), common);
      return result;
    });
  }

  /**
   * Runs a handler in a span.
   *
   * @param outcomeOf returns the outcome of the message
   */
  process<R>(
    context: OperationContext,
    handle: () => Promise<R>,
    outcomeOf: (result: HandlerResult<R>) => HandlerOutcome,
  ): Promise<R> {
    const common = this.#commonAttributes(context, "process");
    this.#consumed.add(1, common);
    const options = { common, kind: SpanKind.CONSUMER, durations: this.#processDurations };
    return this.#runInSpan(context, options, async (span) => {
      const record = (outcome: HandlerOutcome) => {
        span.setAttribute("subtitles.message.outcome", outcome);
        if (outcome === "retried") this.#retries.add(1, common);
        if (outcome === "dead-lettered") this.#deadLetters.add(1, common);
      };
      try {
        const verdict = await handle();
        record(outcomeOf({ verdict }));
        return verdict;
      } catch (error) {
        record(outcomeOf({ error }));
        throw error;
      }
    });
  }

  /** Runs the work of a worker in a span. The worker decides about the message later, and reports that to `count`. */
  run(context: OperationContext, work: () => Promise<void>): Promise<void> {
    const common = this.#commonAttributes(context, "process");
    this.#consumed.add(1, common);
    return this.#runInSpan(context, { common, kind: SpanKind.CONSUMER, durations: this.#processDurations }, work);
  }

  /** Counts an event of a worker, if it is an outcome. */
  count(queue: QueueDefinition, event: string): void {
    if (!WORKER_OUTCOMES.has(event)) return;
    this.#workerOutcomes.add(1, { "messaging.destination.name": queue.name, "subtitles.worker.outcome": event });
  }

  #commonAttributes({ queue }: Pick<OperationContext, "queue">, operation: "send" | "process"): Attributes {
    return {
      "messaging.system": this.#system,
      "messaging.destination.name": queue.name,
      "messaging.operation.name": operation,
      "messaging.operation.type": operation,
    };
  }

  #runInSpan<R>(
    { queue, parent, attributes }: OperationContext,
    { common, kind, durations }: { common: Attributes; kind: SpanKind; durations: Histogram },
    call: (span: Span) => Promise<R>,
  ): Promise<R> {
    const startedAt = performance.now();
    const name = `${common["messaging.operation.name"]} ${queue.name}`;
    return this.#tracer.startActiveSpan(
      name,
      { kind, attributes: { ...common, ...attributes } },
      parent,
      async (span) => {
        let errorType: Attributes = {};
        try {
          return await call(span);
        } catch (error) {
          errorType = { "error.type": errorTypeOf(error) };
          span.setAttributes(errorType);
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
          durations.record((performance.now() - startedAt) / 1000, { ...common, ...errorType });
        }
      },
    );
  }
}

/** Returns the code or the name of an error. Its message is not used, because its text can vary and contain any data. */
function errorTypeOf(error: unknown): string {
  if (QueueError.is(error)) return error.code;
  return isError(error) ? error.name : "_OTHER";
}

const STATES = ["ready", "unacked", "delayed", "dead"] as const;

/** Gauges of the number of messages by state, read at each export. If a read fails, its values are missing in that export. */
export class QueueGauges {
  readonly #meter: Meter;
  readonly #messages: ObservableGauge;
  readonly #callback: BatchObservableCallback;

  constructor(meter: Meter, broker: Broker, queues: readonly QueueDefinition[]) {
    this.#meter = meter;
    // Attributes: `subtitles.message.state` (ready, unacked, delayed or dead).
    this.#messages = meter.createObservableGauge("subtitles.queue.messages", {
      unit: "{message}",
      description: "Number of messages of a queue in a state.",
    });
    this.#callback = async (result) => {
      const observe = async (queue: QueueDefinition) => {
        const stats = await broker.stats(queue);
        for (const state of STATES) {
          const count = stats[state];
          // RabbitMQ does not report `unacked`.
          if (count === null) continue;
          const attributes = { "messaging.destination.name": queue.name, "subtitles.message.state": state };
          result.observe(this.#messages, count, attributes);
        }
      };
      await Promise.allSettled(queues.map(observe));
    };
    if (queues.length > 0) meter.addBatchObservableCallback(this.#callback, [this.#messages]);
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#callback, [this.#messages]);
  }
}
