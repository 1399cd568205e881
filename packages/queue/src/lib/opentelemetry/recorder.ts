import {
  type Attributes,
  type Context,
  type Counter,
  type Histogram,
  type Meter,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import type { QueueDefinition } from "../definition.js";
import { QueueError } from "../errors.js";
import { isError } from "../is-error.js";

/** Seconds; those that the conventions for messaging advise. */
const SEND_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Seconds; handlers may take long. */
const PROCESS_BUCKETS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600];

/** What became of a delivery, as far as its handler decided. */
export type Fate = "acknowledged" | "retried" | "dead-lettered" | "released";

/** What a span says of the message or messages that it is about. */
export interface About {
  readonly queue: QueueDefinition;
  /** The trace to go on with. */
  readonly parent: Context;
  readonly attributes: Attributes;
}

/** Turns publishes and deliveries into spans and figures. */
export class Recorder {
  readonly #tracer: Tracer;
  readonly #system: string;
  readonly #sends: Histogram;
  readonly #sent: Counter;
  readonly #processes: Histogram;
  readonly #consumed: Counter;
  readonly #retries: Counter;
  readonly #deadLetters: Counter;

  constructor(tracer: Tracer, meter: Meter, system: string) {
    const counter = (name: string, description: string) =>
      meter.createCounter(name, { unit: "{message}", description });
    const seconds = (name: string, description: string, explicitBucketBoundaries: number[]) =>
      meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries } });
    this.#tracer = tracer;
    this.#system = system;
    this.#sends = seconds("messaging.client.operation.duration", "Until a publish is confirmed.", SEND_BUCKETS);
    this.#sent = counter("messaging.client.sent.messages", "Messages published and confirmed.");
    this.#processes = seconds("messaging.process.duration", "How long handlers take.", PROCESS_BUCKETS);
    this.#consumed = counter("messaging.client.consumed.messages", "Messages that reached a handler.");
    this.#retries = counter("subtitles.message.retries", "Messages that failed and will be tried again.");
    this.#deadLetters = counter("subtitles.message.dead_letters", "Messages that failed and were given up.");
  }

  /** Runs a publish inside a span of its own. @param countOf how many messages are confirmed, given its result */
  send<R>(about: About, publish: (span: Span) => Promise<R>, countOf: (result: R) => number): Promise<R> {
    const common = this.#common(about, "send");
    return this.#spanned(about, { common, kind: SpanKind.PRODUCER, durations: this.#sends }, async (span) => {
      const result = await publish(span);
      this.#sent.add(countOf(result), common);
      return result;
    });
  }

  /** Runs a handler inside a span of its own. @param fateOf what becomes of the message, given what the handler did */
  process<R>(
    about: About,
    handle: () => Promise<R>,
    fateOf: (end: { readonly verdict: R } | { readonly error: unknown }) => Fate,
  ): Promise<R> {
    const common = this.#common(about, "process");
    this.#consumed.add(1, common);
    return this.#spanned(about, { common, kind: SpanKind.CONSUMER, durations: this.#processes }, async (span) => {
      const settle = (fate: Fate) => {
        span.setAttribute("subtitles.message.fate", fate);
        if (fate === "retried") this.#retries.add(1, common);
        if (fate === "dead-lettered") this.#deadLetters.add(1, common);
      };
      try {
        const verdict = await handle();
        settle(fateOf({ verdict }));
        return verdict;
      } catch (error) {
        settle(fateOf({ error }));
        throw error;
      }
    });
  }

  #common({ queue }: About, operation: "send" | "process"): Attributes {
    return {
      "messaging.system": this.#system,
      "messaging.destination.name": queue.name,
      "messaging.operation.name": operation,
      "messaging.operation.type": operation,
    };
  }

  #spanned<R>(
    { queue, parent, attributes }: About,
    { common, kind, durations }: { common: Attributes; kind: SpanKind; durations: Histogram },
    call: (span: Span) => Promise<R>,
  ): Promise<R> {
    const begun = performance.now();
    const name = `${common["messaging.operation.name"]} ${queue.name}`;
    return this.#tracer.startActiveSpan(
      name,
      { kind, attributes: { ...common, ...attributes } },
      parent,
      async (span) => {
        let type: Attributes = {};
        try {
          return await call(span);
        } catch (error) {
          type = { "error.type": typeOf(error) };
          span.setAttributes(type);
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
          durations.record((performance.now() - begun) / 1000, { ...common, ...type });
        }
      },
    );
  }
}

/** A name that stays the same from error to error; messages may hold anything. */
function typeOf(error: unknown): string {
  if (QueueError.is(error)) return error.code;
  return isError(error) ? error.name : "_OTHER";
}
