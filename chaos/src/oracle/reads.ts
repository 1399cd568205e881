import type { LoggedEvent, Operation } from "../record.js";
import { type Check, CLOCK_MS, groupedBy, type Violation } from "./run.js";

/** When a job was at which version; `to` is infinite for what still stands. */
interface Span {
  readonly version: number | null;
  readonly from: number;
  readonly to: number;
}

type Dated = Extract<LoggedEvent, { to: unknown } | { type: "deleted" }>;

/** What a read answered was so at some moment between its beginning and its end. */
export const reads: Check = ({ operations, final }) => {
  const events = final.log.filter((event): event is Dated => "to" in event || event.type === "deleted");
  const spans = new Map([...groupedBy(events, ({ job }) => job)].map(([job, ofJob]) => [job, spansOf(ofJob)]));
  return operations.flatMap((operation) => wrongReads(operation, spans));
};

function spansOf(events: readonly Dated[]): readonly Span[] {
  const starts = [
    { version: null, from: Number.NEGATIVE_INFINITY },
    ...events.map((event) => ({ version: "to" in event ? event.version : null, from: event.at })),
  ];
  return starts.map((start, n) => ({ ...start, to: starts[n + 1]?.from ?? Number.POSITIVE_INFINITY }));
}

function wrongReads(operation: Operation, spans: ReadonlyMap<string, readonly Span[]>): readonly Violation[] {
  const { op, at, settled } = operation;
  if (settled?.outcome.is !== "read") return [];
  const [from, to] = [at - CLOCK_MS, settled.at + CLOCK_MS];
  return settled.outcome.jobs.flatMap(([job, version]) => {
    const ofJob = spans.get(job) ?? spansOf([]);
    if (ofJob.some((span) => span.version === version && span.from <= to && span.to >= from)) return [];
    const was = ofJob.filter((span) => span.from <= to && span.to >= from).map((span) => span.version ?? "absent");
    const words = `read ${job} as ${version ?? "absent"}, when it was ${was.join(" or ")}`;
    return [{ promise: "reads tell what is", about: op, words } satisfies Violation];
  });
}
