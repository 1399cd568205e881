import type { LoggedEvent, Operation } from "../journal.js";
import { type Check, CLOCK_MS, canHaveApplied, endOf, groupBy, type Violation } from "./recording.js";

type EventWithOperation = Extract<LoggedEvent, { by: string }>;

/**
 * Checks creations, moves and progress. Their events contain the id of the operation.
 * - An acknowledged change is in the event log once, with the returned version.
 * - A rejected change is not in the event log.
 * - Any other change is in the event log at most once.
 * - The time of each event is between the start and the end of the call.
 */
export const namedChanges: Check = ({ operations, final }) => {
  const events = final.log.filter((event): event is EventWithOperation => "by" in event && event.by !== "");
  const eventsOf = groupBy(events, ({ by }) => by);
  return operations
    .filter(({ call }) => call === "create" || call === "move" || call === "progress")
    .flatMap((operation) => checkNamedChange(operation, eventsOf.get(operation.op) ?? []));
};

function checkNamedChange(operation: Operation, events: readonly EventWithOperation[]): readonly Violation[] {
  const { op, end, at } = operation;
  const violated = (guarantee: Violation["guarantee"], details: string): Violation => ({
    guarantee,
    about: op,
    details,
  });
  const found: Violation[] = [];
  const late = events.find((event) => event.at > endOf(operation) + CLOCK_MS);
  if (late !== undefined) {
    const details = `applied ${(late.at - endOf(operation)).toFixed()} ms after the end of ${described(operation)}`;
    found.push(violated("a change is applied only during its call", details));
  }
  const early = events.find((event) => event.at < at - CLOCK_MS);
  if (early !== undefined) {
    const details = `applied ${(at - early.at).toFixed(1)} ms before the start of its call`;
    found.push(violated("a change is applied only during its call", details));
  }
  const guarantee = guaranteeOf(operation);
  const details = `${described(operation)} was applied ${events.length} times`;
  if (guarantee === "an acknowledged change is applied once") {
    const version = end?.outcome.is === "applied" ? end.outcome.version : null;
    if (events.length !== 1) found.push(violated(guarantee, details));
    else if (version !== null && events[0]?.version !== version) {
      found.push(violated(guarantee, `returned version ${version}, but its event has version ${events[0]?.version}`));
    }
  } else if (events.length > (guarantee === "a rejected change is not applied" ? 0 : 1)) {
    found.push(violated(guarantee, details));
  }
  return found;
}

function guaranteeOf({ end }: Operation): Violation["guarantee"] {
  switch (end?.outcome.is) {
    case "applied":
      return "an acknowledged change is applied once";
    case "rejected":
    case "unchanged":
      return "a rejected change is not applied";
    case "unavailable":
      return end.outcome.indeterminate
        ? "an indeterminate change is applied at most once"
        : "a rejected change is not applied";
    default:
      return "an indeterminate change is applied at most once";
  }
}

function described({ call, end }: Operation): string {
  if (end === null) return `a "${call}" whose process was killed`;
  const { outcome } = end;
  const more = outcome.is === "rejected" ? ` (${outcome.code})` : "reason" in outcome ? ` (${outcome.reason})` : "";
  return `a "${call}" with the outcome "${outcome.is}"${more}`;
}

/** Checks saves. Their events contain no operation id, but at most one of the saves of a version can succeed. */
export const saves: Check = ({ operations, final }) => {
  const callsOf = groupBy(
    operations.filter(({ call }) => call === "save"),
    ({ job, version }) => `${job} version ${version}`,
  );
  const eventsOf = groupBy(
    final.log.filter((event) => "to" in event).filter(({ type }) => type === "saved"),
    ({ job, version }) => `${job} version ${version}`,
  );
  return [...new Set([...callsOf.keys(), ...eventsOf.keys()])].flatMap((about) => {
    const times = eventsOf.get(about)?.map(({ at }) => at) ?? [];
    return checkSaves(about, callsOf.get(about) ?? [], times);
  });
};

function checkSaves(about: string, calls: readonly Operation[], times: readonly number[]): readonly Violation[] {
  const acknowledged = calls.filter(({ end }) => end?.outcome.is === "applied");
  if (times.length > 1 || acknowledged.length > times.length) {
    const details = `saved ${times.length} times, acknowledged ${acknowledged.length} times`;
    return [{ guarantee: "an acknowledged change is applied once", about, details }];
  }
  const [time] = times;
  const candidates = acknowledged.length > 0 ? acknowledged : calls;
  if (time === undefined || candidates.some((operation) => canHaveApplied(operation, time))) return [];
  const details = "saved at a time at which no call can have saved it";
  return [{ guarantee: "a change is applied only during its call", about, details }];
}

/** Checks deletions. Their events contain no operation id, but a round never uses the id of a deleted job again. */
export const deletions: Check = ({ operations, final }) => {
  const callsOf = groupBy(
    operations.filter(({ call }) => call === "delete"),
    ({ job }) => job ?? "",
  );
  const eventsOf = groupBy(
    final.log.filter((event) => event.type === "deleted"),
    ({ job }) => job,
  );
  const jobs = new Set([...callsOf.keys(), ...eventsOf.keys()]);
  return [...jobs].flatMap((job) => {
    const times = eventsOf.get(job)?.map(({ at }) => at) ?? [];
    return checkDeletions(job, callsOf.get(job) ?? [], times);
  });
};

function checkDeletions(about: string, calls: readonly Operation[], times: readonly number[]): readonly Violation[] {
  const acknowledged = calls.filter(({ end }) => end?.outcome.is === "applied").length;
  if (times.length > 1 || acknowledged > Math.min(1, times.length)) {
    const details = `deleted ${times.length} times, acknowledged ${acknowledged} times`;
    return [{ guarantee: "an acknowledged change is applied once", about, details }];
  }
  if (times.length === 0 || calls.some((operation) => times.some((time) => canHaveApplied(operation, time)))) return [];
  const details = "deleted at a time at which no call can have deleted it";
  return [{ guarantee: "a change is applied only during its call", about, details }];
}
