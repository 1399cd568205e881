import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import type { JobRecord } from "../driver.js";
import { JobStoreError } from "../errors.js";
import type { Rejection } from "../rejections.js";

/** What the caller meets where the driver answers so. */
const CODES = {
  missing: "NOT_FOUND",
  conflict: "CONFLICT",
  illegal: "ILLEGAL_TRANSITION",
  tooLarge: "INVALID_DATA",
  over: "INVALID_ARGUMENT",
  unreadable: "UNREADABLE_RECORD",
} as const satisfies Record<Rejection["kind"], string>;

/** Seconds; those that the conventions for databases advise. */
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Seconds; from a moment to a week. */
const STATUS_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800];

/** Turns calls into spans and figures. Knows nothing of what a call does. */
export class Telemetry {
  readonly #tracer: Tracer;
  readonly #common: Attributes;
  readonly #definition: string;
  readonly #calls: Histogram;
  readonly #statuses: Histogram;
  readonly #retries: Counter;

  constructor(tracer: Tracer, meter: Meter, about: { readonly system: string; readonly definition: string }) {
    this.#tracer = tracer;
    this.#definition = about.definition;
    this.#common = { "db.system.name": about.system, "db.collection.name": about.definition };
    this.#calls = meter.createHistogram("db.client.operation.duration", {
      unit: "s",
      description: "Duration of a call of the job store.",
      advice: { explicitBucketBoundaries: CALL_BUCKETS },
    });
    this.#statuses = meter.createHistogram("subtitles.job.status.duration", {
      unit: "s",
      description: "How long a job had been in the status that it leaves.",
      advice: { explicitBucketBoundaries: STATUS_BUCKETS },
    });
    this.#retries = meter.createCounter("subtitles.job.retries", {
      unit: "{job}",
      description: "Jobs that left a final status.",
    });
  }

  /** Runs a call inside a span of its own. */
  observe<R>(operation: string, attributes: Attributes, call: (span: Span) => Promise<R>): Promise<R> {
    const common = { ...this.#common, "db.operation.name": operation };
    const options = { kind: SpanKind.CLIENT, attributes: { ...common, ...attributes } };
    const begun = performance.now();
    return this.#tracer.startActiveSpan(`${operation} ${this.#definition}`, options, async (span) => {
      let code: string | undefined;
      try {
        const reply = await call(span);
        code = codeOf(reply);
        return reply;
      } catch (error) {
        code = JobStoreError.is(error) ? error.code : "_OTHER";
        throw error;
      } finally {
        if (code !== undefined) {
          span.setAttribute("error.type", code);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
        const seconds = (performance.now() - begun) / 1000;
        this.#calls.record(seconds, code === undefined ? common : { ...common, "error.type": code });
      }
    });
  }

  /** A job has entered the status that its record shows; where its history still tells since when it was in the last one. */
  recordStatusChange({ history, statusAt }: JobRecord, finalStatuses: ReadonlySet<string>): void {
    const [before, now] = history.slice(-2);
    const from = history.at(-1)?.from;
    if (from === undefined || from === null) return;
    if (finalStatuses.has(from)) this.#retries.add(1, { "subtitles.job.definition": this.#definition });
    if (before === undefined || now === undefined) return;
    this.#statuses.record((statusAt.getTime() - before.at.getTime()) / 1000, {
      "subtitles.job.definition": this.#definition,
      "subtitles.job.status": from,
      "subtitles.job.status.next": now.to,
    });
  }
}

function codeOf(reply: unknown): string | undefined {
  if (typeof reply !== "object" || reply === null || !("kind" in reply)) return undefined;
  return CODES[reply.kind as keyof typeof CODES];
}
