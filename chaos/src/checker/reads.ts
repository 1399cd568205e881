import type { LoggedEvent, Operation } from "../journal.js";
import { expiryTime, type Status } from "../workload.js";
import { type Check, CLOCK_MS, groupBy, type Recording, type Violation } from "./recording.js";

/** Period in which a job had one version. Version and status are null while the job does not exist. */
interface Period {
  readonly version: number | null;
  readonly status: Status | null;
  readonly from: number;
  /** Infinity: the job still has this version at the end of the round. */
  readonly to: number;
}

type ChangeOrDeletion = Extract<LoggedEvent, { to: unknown } | { type: "deleted" }>;
type PeriodsByJob = ReadonlyMap<string, readonly Period[]>;

/** Checks that each version that was read existed at some time during the call. */
export const reads: Check = (recording) => {
  const periods = periodsByJob(recording);
  return recording.operations.flatMap((operation) => checkRead(operation, periods));
};

/** Checks that each `wait` ended because the job had one of the expected statuses at some time during the call. */
export const waits: Check = (recording) => {
  const periods = periodsByJob(recording);
  return recording.operations.flatMap(({ op, job, until, at, end }): readonly Violation[] => {
    if (end?.outcome.is !== "read" || until === undefined) return [];
    const during = (periods.get(job ?? "") ?? []).filter((period) => overlaps(period, at, end.at));
    if (during.some(({ status }) => status !== null && until.includes(status))) return [];
    const actual = during.map(({ status }) => status).join(", ");
    return [violated(op, `waited for ${until.join(" or ")}, but the job was ${actual}`)];
  });
};

function checkRead({ op, at, end }: Operation, periods: PeriodsByJob): readonly Violation[] {
  if (end?.outcome.is !== "read") return [];
  return end.outcome.jobs.flatMap(([job, version]) => {
    const during = (periods.get(job) ?? periodsOf([])).filter((period) => overlaps(period, at, end.at));
    if (during.some((period) => period.version === version)) return [];
    const actual = during.map((period) => period.version ?? "absent").join(" or ");
    return [violated(op, `read ${job} as ${version ?? "absent"}, but it was ${actual}`)];
  });
}

function violated(about: string, details: string): Violation {
  return { guarantee: "a read returns a state that existed during the call", about, details };
}

function overlaps(period: Period, from: number, to: number): boolean {
  return period.from <= to + CLOCK_MS && period.to >= from - CLOCK_MS;
}

function periodsByJob({ final }: Recording): PeriodsByJob {
  const events = final.log.filter((event): event is ChangeOrDeletion => "to" in event || event.type === "deleted");
  return new Map([...groupBy(events, ({ job }) => job)].map(([job, ofJob]) => [job, periodsOf(ofJob)]));
}

function periodsOf(events: readonly ChangeOrDeletion[]): readonly Period[] {
  const starts = [
    absentFrom(Number.NEGATIVE_INFINITY),
    ...events.flatMap((event, n) => startsAt(event, events[n + 1]?.at ?? Number.POSITIVE_INFINITY)),
  ];
  return starts.map((start, n) => ({ ...start, to: starts[n + 1]?.from ?? Number.POSITIVE_INFINITY }));
}

/** Returns the period that starts with an event, and the absence of the job if it expires before `nextAt`. */
function startsAt(event: ChangeOrDeletion, nextAt: number): readonly Omit<Period, "to">[] {
  if (!("to" in event)) return [absentFrom(event.at)];
  const period = { version: event.version, status: event.to, from: event.at };
  const expiresAt = expiryTime(event.to, event.at);
  return expiresAt < nextAt ? [period, absentFrom(expiresAt)] : [period];
}

function absentFrom(from: number): Omit<Period, "to"> {
  return { version: null, status: null, from };
}
