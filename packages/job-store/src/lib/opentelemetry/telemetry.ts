import {
  type Attributes,
  type BatchObservableCallback,
  type Counter,
  type Histogram,
  type Meter,
  type Observable,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import type { JobRecord, JobStorage } from "../driver.js";
import { JobStoreError } from "../errors.js";
import type { Rejection } from "../store/rejections.js";

/** Error code that the caller receives for each reply. */
const CODES = {
  missing: "NOT_FOUND",
  conflict: "CONFLICT",
  illegal: "ILLEGAL_TRANSITION",
  tooLarge: "INVALID_DATA",
  expired: "INVALID_ARGUMENT",
  noMessage: "INVALID_ARGUMENT",
  unreadable: "UNREADABLE_RECORD",
} as const satisfies Record<Rejection["kind"], string>;

/** Buckets in seconds, as recommended by OpenTelemetry's conventions for databases. */
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Buckets in seconds, from 100 milliseconds to one week. */
const STATUS_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800];

/** Records calls as spans and metrics. */
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
    // Attributes: `db.operation.name`, and `error.type` (the code of the error).
    this.#calls = meter.createHistogram("db.client.operation.duration", {
      unit: "s",
      description: "Duration of a call of the job store.",
      advice: { explicitBucketBoundaries: CALL_BUCKETS },
    });
    // Attributes: `subtitles.job.status` (the status that the job leaves), and `subtitles.job.status.next`.
    this.#statuses = meter.createHistogram("subtitles.job.status.duration", {
      unit: "s",
      description: "Time that a job spent in the status that it leaves.",
      advice: { explicitBucketBoundaries: STATUS_BUCKETS },
    });
    this.#retries = meter.createCounter("subtitles.job.retries", {
      unit: "{job}",
      description: "Jobs that left a final status.",
    });
  }

  /** Runs a call inside a span, and records its duration. */
  observe<R>(operation: string, attributes: Attributes, call: (span: Span) => Promise<R>): Promise<R> {
    const common = { ...this.#common, "db.operation.name": operation };
    const options = { kind: SpanKind.CLIENT, attributes: { ...common, ...attributes } };
    const start = performance.now();
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
        const seconds = (performance.now() - start) / 1000;
        this.#calls.record(seconds, code === undefined ? common : { ...common, "error.type": code });
      }
    });
  }

  /** Records a status change. The time in the previous status is recorded only if the history contains its beginning. */
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

/** Attribute of OpenTelemetry's conventions for messaging. */
export const QUEUE = "messaging.destination.name";

/** Counts the elements with each key. */
function countedBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}

function codeOf(reply: unknown): string | undefined {
  if (typeof reply !== "object" || reply === null || !("kind" in reply)) return undefined;
  return CODES[reply.kind as keyof typeof CODES];
}

/** Gauges of a store. Each export reads them from the storage; a value that cannot be read is absent from this export. */
export class Gauges {
  readonly #meter: Meter;
  readonly #observables: Observable[];
  readonly #callback: BatchObservableCallback;

  constructor(meter: Meter, storage: JobStorage, definition: string) {
    const gauge = (name: string, unit: string, description: string) =>
      meter.createObservableGauge(name, { unit, description });
    // Attributes: `subtitles.job.status`.
    const jobs = gauge("subtitles.jobs", "{job}", "Jobs by status.");
    const depth = gauge("subtitles.outbox.depth", "{message}", "Messages that are stored and not published yet.");
    const scheduled = gauge("subtitles.outbox.scheduled", "{message}", "Delayed messages that are not due yet.");
    const age = gauge(
      "subtitles.outbox.age",
      "s",
      "Time that the oldest message has waited to be published. 0: there is none.",
    );
    const rejected = gauge("subtitles.outbox.rejected", "{message}", "Rejected messages, which are not published.");
    // Attributes: `messaging.destination.name` (the queue).
    const paused = gauge("subtitles.queue.paused", "{queue}", "1 for each paused queue.");
    // Attributes: `messaging.destination.name` (the queue), and `subtitles.worker.state`.
    const workers = gauge("subtitles.workers", "{worker}", "Live workers by queue and state.");
    const attributes = { "subtitles.job.definition": definition };

    this.#meter = meter;
    this.#observables = [jobs, depth, scheduled, age, rejected, paused, workers];
    this.#callback = async (result) => {
      await Promise.allSettled([
        storage.counts(null).then((counts) => {
          for (const [status, count] of counts) {
            result.observe(jobs, count, { ...attributes, "subtitles.job.status": status });
          }
        }),
        storage.outbox.depth().then((count) => result.observe(depth, count, attributes)),
        storage.outbox.scheduled().then((count) => result.observe(scheduled, count, attributes)),
        storage.outbox.countRejected().then((count) => result.observe(rejected, count, attributes)),
        storage.outbox.oldestWait().then((ms) => result.observe(age, Math.max(0, ms ?? 0) / 1000, attributes)),
        storage.pauses().then((pauses) => {
          for (const { queue } of pauses) result.observe(paused, 1, { ...attributes, [QUEUE]: queue });
        }),
        storage.workers(false).then(({ live }) => {
          for (const [text, count] of countedBy(live, ({ queue, state }) => JSON.stringify([queue, state]))) {
            const [queue, state]: [string, string] = JSON.parse(text);
            result.observe(workers, count, { ...attributes, [QUEUE]: queue, "subtitles.worker.state": state });
          }
        }),
      ]);
    };
    meter.addBatchObservableCallback(this.#callback, this.#observables);
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#callback, this.#observables);
  }
}
