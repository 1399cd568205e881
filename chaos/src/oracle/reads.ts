import type { LoggedEvent, Operation } from "../record.js";
import { expiryOf, type Status } from "../subject.js";
import { type Check, CLOCK_MS, groupedBy, type Run, type Violation } from "./run.js";

/** When a job was at which version; `to` is infinite for what still stands. */
interface Span {
  readonly version: number | null;
  readonly status: Status | null;
  readonly from: number;
  readonly to: number;
}

type Dated = Extract<LoggedEvent, { to: unknown } | { type: "deleted" }>;

/** What a read answered was so at some moment between its beginning and its end. */
export const reads: Check = (run) => {
  const spans = spansOfJobs(run);
  return run.operations.flatMap((operation) => wrongReads(operation, spans));
};

/** A wait ended because the job was, at some moment of it, in a status that was waited for. */
export const waits: Check = (run) => {
  const spans = spansOfJobs(run);
  return run.operations.flatMap(({ op, job, until, at, settled }): readonly Violation[] => {
    if (settled?.outcome.is !== "read" || until === undefined) return [];
    const during = (spans.get(job ?? "") ?? []).filter((span) => overlaps(span, at, settled.at));
    if (during.some(({ status }) => status !== null && until.includes(status))) return [];
    const words = `waited for ${until.join(" or ")}, and ended while it was ${during.map(({ status }) => status).join(", ")}`;
    return [{ promise: "reads tell what is", about: op, words }];
  });
};

type Spans = ReadonlyMap<string, readonly Span[]>;

function spansOfJobs({ final }: Run): Spans {
  const events = final.log.filter((event): event is Dated => "to" in event || event.type === "deleted");
  return new Map([...groupedBy(events, ({ job }) => job)].map(([job, ofJob]) => [job, spansOf(ofJob)]));
}

function spansOf(events: readonly Dated[]): readonly Span[] {
  const starts = [
    absentFrom(Number.NEGATIVE_INFINITY),
    ...events.flatMap((event, n) => startsWith(event, events[n + 1]?.at ?? Number.POSITIVE_INFINITY)),
  ];
  return starts.map((start, n) => ({ ...start, to: starts[n + 1]?.from ?? Number.POSITIVE_INFINITY }));
}

/** What is so from an event on; a job may expire before the next. */
function startsWith(event: Dated, next: number): readonly Omit<Span, "to">[] {
  if (!("to" in event)) return [absentFrom(event.at)];
  const here = { version: event.version, status: event.to, from: event.at };
  const expiresAt = expiryOf(event.to, event.at);
  return expiresAt < next ? [here, absentFrom(expiresAt)] : [here];
}

function absentFrom(from: number): Omit<Span, "to"> {
  return { version: null, status: null, from };
}

function overlaps(span: Span, from: number, to: number): boolean {
  return span.from <= to + CLOCK_MS && span.to >= from - CLOCK_MS;
}

function wrongReads(operation: Operation, spans: Spans): readonly Violation[] {
  const { op, at, settled } = operation;
  if (settled?.outcome.is !== "read") return [];
  return settled.outcome.jobs.flatMap(([job, version]) => {
    const ofJob = spans.get(job) ?? spansOf([]);
    const during = ofJob.filter((span) => overlaps(span, at, settled.at));
    if (during.some((span) => span.version === version)) return [];
    const was = during.map((span) => span.version ?? "absent");
    const words = `read ${job} as ${version ?? "absent"}, when it was ${was.join(" or ")}`;
    return [{ promise: "reads tell what is", about: op, words } satisfies Violation];
  });
}
