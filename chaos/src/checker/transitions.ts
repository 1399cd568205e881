import type { LoggedEvent } from "../journal.js";
import { expiryTime, isAllowed, isFinal, task } from "../workload.js";
import { type Check, CLOCK_MS, type FinalJob, groupBy, type HistoryEntry, type Violation } from "./recording.js";

type JobEvent = Exclude<LoggedEvent, { type: "resync" }>;
type Change = Extract<LoggedEvent, { to: unknown }>;

/**
 * Checks the event log of each job: it is created once, makes only allowed transitions, and each version follows the previous
 * one. No event follows a deletion. After its expiry, a job can only be created again.
 */
export const transitions: Check = ({ final }) => {
  const events = final.log.filter((event): event is JobEvent => event.type !== "resync");
  return [...groupBy(events, ({ job }) => job)].flatMap(([about, ofJob]) =>
    errorsIn(ofJob).map(
      (details): Violation => ({
        guarantee: "transitions are allowed and versions are consecutive",
        about,
        details,
      }),
    ),
  );
};

function errorsIn(events: readonly JobEvent[]): readonly string[] {
  const errors: string[] = [];
  let last: Change | null = null;
  let deleted = false;
  for (const event of events) {
    if (deleted) errors.push(`"${event.type}" after the deletion`);
    const expiresAt = last === null ? Number.POSITIVE_INFINITY : expiryTime(last.to, last.at);
    if (event.type === "created" && event.at >= expiresAt - CLOCK_MS) last = null;
    else if (event.at > expiresAt + CLOCK_MS) errors.push(`"${event.type}" after the expiry`);
    if (event.type === "deleted") deleted = true;
    else if (event.type === "progress") {
      if (event.version !== last?.version)
        errors.push(`progress of version ${event.version}, but the job has version ${last?.version}`);
      if (last !== null && isFinal(last.to)) errors.push(`progress in the final status "${last.to}"`);
    } else {
      const error = errorOf(last, event);
      if (error !== null) errors.push(error);
      last = event;
    }
  }
  return errors;
}

function errorOf(last: Change | null, { type, from, to, version, at }: Change): string | null {
  if (last === null) {
    const isCreation = type === "created" && version === 1 && from === null && to === task.initial;
    return isCreation ? null : `the first event is "${type}" from ${from} to ${to}, version ${version}`;
  }
  if (type === "created") return "created again";
  if (version !== last.version + 1) return `version ${version} after version ${last.version}`;
  if (from !== last.to) return `a change from "${from}", but the status is "${last.to}"`;
  if (at < last.at) return `version ${version} has an earlier time than version ${last.version}`;
  return type === "status" && !isAllowed(from, to) ? `the transition from "${from}" to "${to}"` : null;
}

/**
 * Checks that status, version, attempt and history of each stored job match its events, and that the same jobs are in the
 * event log and in the store. At the end of a round, all jobs with a TTL have expired. A save does not change the history.
 */
export const histories: Check = ({ final }) => {
  const logged = new Map<string, readonly Change[]>();
  for (const event of final.log) {
    if (event.type === "deleted") logged.delete(event.job);
    else if ("to" in event)
      logged.set(event.job, [...(event.type === "created" ? [] : (logged.get(event.job) ?? [])), event]);
  }
  for (const [job, changes] of logged) {
    const last = changes.at(-1);
    if (last !== undefined && expiryTime(last.to, last.at) < Number.POSITIVE_INFINITY) logged.delete(job);
  }
  const stored = new Map(final.jobs.map((job) => [job.id, job]));
  return [...new Set([...logged.keys(), ...stored.keys()])].flatMap((about) => {
    const details = difference(logged.get(about), stored.get(about));
    return details === null
      ? []
      : [{ guarantee: "the events match the stored jobs", about, details } satisfies Violation];
  });
};

function difference(changes: readonly Change[] | undefined, job: FinalJob | undefined): string | null {
  if (changes === undefined) return "the job is stored, but has no events";
  if (job === undefined) return "the job has events, but is not stored";
  const last = changes.at(-1);
  if (job.version !== last?.version || job.status !== last.to) {
    return `stored: "${job.status}", version ${job.version}; last event: "${last?.to}", version ${last?.version}`;
  }
  const moves = changes.filter(({ type }) => type !== "saved");
  const attempt = 1 + moves.filter(({ from }) => from !== null && isFinal(from)).length;
  if (job.attempt !== attempt) return `stored: attempt ${job.attempt}; according to the events: ${attempt}`;
  const [inLog, inJob] = [moves, job.history].map((entries) => JSON.stringify(entries.map(valuesOf)));
  return inLog === inJob ? null : "the history differs from the events";
}

const valuesOf = ({ from, to, version, at, by }: HistoryEntry) => [from, to, version, at, by];
