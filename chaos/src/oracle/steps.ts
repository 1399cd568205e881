import type { LoggedEvent } from "../record.js";
import { expiryOf, isFinal, mayFollow, task } from "../subject.js";
import { type Check, CLOCK_MS, type FinalJob, groupedBy, type Step, type Violation } from "./run.js";

type JobEvent = Exclude<LoggedEvent, { type: "resync" }>;
type Change = Extract<LoggedEvent, { to: unknown }>;

/**
 * In the log, each job is created once, moves along its table, one version at a time, and is not heard of once deleted; or
 * once expired, until it is created again.
 */
export const steps: Check = ({ final }) => {
  const events = final.log.filter((event): event is JobEvent => event.type !== "resync");
  return [...groupedBy(events, ({ job }) => job)].flatMap(([about, ofJob]) =>
    wrongSteps(ofJob).map((words): Violation => ({ promise: "legal steps, contiguous versions", about, words })),
  );
};

function wrongSteps(events: readonly JobEvent[]): readonly string[] {
  const wrong: string[] = [];
  let last: Change | null = null;
  let deleted = false;
  for (const event of events) {
    if (deleted) wrong.push(`${event.type} after it was deleted`);
    const expiresAt = last === null ? Number.POSITIVE_INFINITY : expiryOf(last.to, last.at);
    if (event.type === "created" && event.at >= expiresAt - CLOCK_MS) last = null;
    else if (event.at > expiresAt + CLOCK_MS) wrong.push(`${event.type} after it had expired`);
    if (event.type === "deleted") deleted = true;
    else if (event.type === "progress") {
      if (event.version !== last?.version) wrong.push(`progress of version ${event.version} while at ${last?.version}`);
      if (last !== null && isFinal(last.to)) wrong.push(`progress while ${last.to}`);
    } else {
      const problem = wrongStep(last, event);
      if (problem !== null) wrong.push(problem);
      last = event;
    }
  }
  return wrong;
}

function wrongStep(last: Change | null, { type, from, to, version, at }: Change): string | null {
  if (last === null) {
    const begins = type === "created" && version === 1 && from === null && to === task.initial;
    return begins ? null : `begins with ${type}, ${from} to ${to}, version ${version}`;
  }
  if (type === "created") return "created again";
  if (version !== last.version + 1) return `version ${version} after ${last.version}`;
  if (from !== last.to) return `from ${from} while ${last.to}`;
  if (at < last.at) return `version ${version} was made before version ${last.version}`;
  return type === "status" && !mayFollow(from, to) ? `from ${from} to ${to}` : null;
}

/**
 * What the log tells of each job is what the stored job says of itself; and no job is missing on either side. By the end
 * of a run, what can expire has. A save leaves the history as it is.
 */
export const histories: Check = ({ final }) => {
  const told = new Map<string, readonly Change[]>();
  for (const event of final.log) {
    if (event.type === "deleted") told.delete(event.job);
    else if ("to" in event)
      told.set(event.job, [...(event.type === "created" ? [] : (told.get(event.job) ?? [])), event]);
  }
  for (const [job, changes] of told) {
    const last = changes.at(-1);
    if (last !== undefined && expiryOf(last.to, last.at) < Number.POSITIVE_INFINITY) told.delete(job);
  }
  const stored = new Map(final.jobs.map((job) => [job.id, job]));
  return [...new Set([...told.keys(), ...stored.keys()])].flatMap((about) => {
    const words = difference(told.get(about), stored.get(about));
    return words === null ? [] : [{ promise: "events are the history", about, words } satisfies Violation];
  });
};

function difference(told: readonly Change[] | undefined, job: FinalJob | undefined): string | null {
  if (told === undefined) return "stored, and no event tells of it";
  if (job === undefined) return "events tell of it, and it is not stored";
  const last = told.at(-1);
  if (job.version !== last?.version || job.status !== last.to) {
    return `stored as ${job.status}, version ${job.version}; last told as ${last?.to}, version ${last?.version}`;
  }
  const moves = told.filter(({ type }) => type !== "saved");
  const attempt = 1 + moves.filter(({ from }) => from !== null && isFinal(from)).length;
  if (job.attempt !== attempt) return `attempt ${job.attempt} where events make it ${attempt}`;
  const [inLog, inJob] = [moves, job.history].map((all) => JSON.stringify(all.map(plain)));
  return inLog === inJob ? null : "its history differs from its events";
}

const plain = ({ from, to, version, at, by }: Step) => [from, to, version, at, by];
