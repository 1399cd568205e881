import { LEASE_MS } from "../client/settings.js";
import type { LoggedEvent } from "../journal.js";
import { isFinal, isOrder, work } from "../workload.js";
import { type Check, CLOCK_MS, groupBy, type Outage, type Recording, type Run, type Violation } from "./recording.js";

/** Change of an order. A worker claims it, or ends its run with an outcome: another status, a retry or a postponement. */
type Change = Extract<LoggedEvent, { to: unknown }> & { readonly kind: "claim" | "outcome" | "other" };

/** Time in which a worker that closes may end without a report about a run or an outcome. */
const CLOSE_MS = 15_000;
const RETRY_MS = work.retryDelaysMs[0] ?? 0;
/** Worker events that report a stored outcome. */
const STORED = new Set(["done", "failed", "postponed", "retrying"]);

/** Counts for the summary of a round. */
export interface WorkStatistics {
  /** Orders that were stored. */
  readonly orders: number;
  readonly runs: number;
  /** Claims of a job whose latest claim had neither an outcome nor another change: its lease had ended. */
  readonly takeovers: number;
  /** Takeovers of jobs whose worker was killed. */
  readonly ofKilled: number;
}

export function workStatistics(recording: Recording): WorkStatistics {
  const jobs = [...changesOfOrders(recording).values()];
  const takeovers = jobs.flatMap((changes) => changes.slice(1).flatMap((change, n) => takeoverOf(changes[n], change)));
  return {
    orders: jobs.length,
    runs: recording.runs.length,
    takeovers: takeovers.length,
    ofKilled: takeovers.filter(({ by }) => recording.killed.has(by)).length,
  };
}

/**
 * Checks that each order is in a final status at the end, that it entered one exactly once in each attempt, and that it ended as planned
 * if a worker ended it.
 */
export const ordersEnd: Check = ({ final }) =>
  final.jobs
    .filter(({ id }) => isOrder(id))
    .flatMap(({ id, status, attempt, plan, history }) => {
      const violated = (details: string): Violation => ({
        guarantee: "accepted work ends exactly once",
        about: id,
        details,
      });
      if (!isFinal(status)) return [violated(`the order is "${status}" at the end, in attempt ${attempt}`)];
      const ends = history.filter(({ to }) => isFinal(to));
      if (ends.length !== attempt) return [violated(`the order ended ${ends.length} times in ${attempt} attempts`)];
      const planned = plan === "fails" ? "failed" : "done";
      const wrong = ends.find(({ by, to }) => isWorker(by) && to !== planned);
      return wrong === undefined ? [] : [violated(`a worker ended it as "${wrong.to}", expected "${planned}"`)];
    });

/**
 * Checks the claims of each order: a job that a worker has claimed is claimed again only after its lease has ended, without the time in
 * which Redis did not run. A worker that closes can end its leases earlier. A retry or a postponed job is claimed when it is due.
 * Only the worker with the latest claim stores an outcome.
 */
export const claims: Check = (recording) =>
  [...changesOfOrders(recording).values()].flatMap((changes) =>
    changes.flatMap((change, n) => checkChange(changes[n - 1], change, recording)),
  );

function checkChange(previous: Change | undefined, change: Change, { closing, outages }: Recording) {
  if (previous === undefined || !isWorker(change.by)) return [];
  const about = `${change.job} version ${change.version}`;
  if (change.kind === "outcome") {
    if (previous.kind === "claim" && previous.by === change.by) return [];
    const details = `${change.by} changed the status to "${change.to}", but the latest change was made by ${previous.by}`;
    return [violated("only the worker that owns a job stores an outcome", about, details)];
  }
  const isWaiting = previous.kind === "outcome" && previous.to === "doing";
  const [claimed] = takeoverOf(previous, change);
  if (!isWaiting && claimed === undefined) return [];
  const leaseMs = isWaiting ? RETRY_MS : LEASE_MS;
  const passedMs = change.at - previous.at - (isWaiting ? 0 : timeIn(outages, previous.at, change.at));
  const closedEarlier = claimed !== undefined && (closing.get(claimed.by) ?? Number.POSITIVE_INFINITY) <= change.at;
  if (passedMs >= leaseMs - CLOCK_MS || closedEarlier) return [];
  const details = `${change.by} claimed it after ${passedMs} ms of a lease of at least ${leaseMs} ms, which ${previous.by} had`;
  return [violated("a job has one worker at a time", about, details)];
}

/** Checks that each run belongs to a claim, that the runs of a claim follow one another, and that no run reports progress of another claim. */
export const runs: Check = (recording) => {
  const claimants = new Map(
    [...changesOfOrders(recording).values()]
      .flat()
      .filter(({ kind }) => kind === "claim")
      .map((claim) => [versionOf(claim), claim.by]),
  );
  const runsOf = groupBy(recording.runs, versionOf);
  const versions = new Map(recording.runs.map((run) => [run.run, versionOf(run)]));
  return [
    ...[...runsOf].flatMap(([about, ofClaim]) => {
      const foreign = ofClaim.find(({ process }) => process !== claimants.get(about));
      if (foreign !== undefined) {
        const details = `${foreign.run} ran, but the job was claimed by ${claimants.get(about) ?? "no worker"}`;
        return [violated("a job has one worker at a time", about, details)];
      }
      const overlapping = ofClaim.find(
        ({ at }, n) => n > 0 && !((ofClaim[n - 1]?.endedAt ?? Number.POSITIVE_INFINITY) <= at),
      );
      if (overlapping === undefined) return [];
      return [
        violated(
          "a job has one worker at a time",
          about,
          `${overlapping.run} began before the run before it had ended`,
        ),
      ];
    }),
    ...recording.final.log.flatMap((event) => {
      if (event.type !== "progress" || !isOrder(event.job) || versions.get(event.by) === versionOf(event)) return [];
      const details = `${event.by} stored progress, but it ran ${versions.get(event.by) ?? "nothing"}`;
      return [violated("only the worker that owns a job stores an outcome", versionOf(event), details)];
    }),
  ];
};

/**
 * Compares the events of each worker with the stored changes: each reported outcome is stored, each stored outcome is reported, and each
 * other run is reported as lost. So a lost run has stored nothing. A worker that was killed, or that closed, can leave out reports.
 */
export const reports: Check = (recording) => {
  const owner = ({ process, job }: { readonly process: string; readonly job: string }) => `${process} ${job}`;
  const outcomes = [...changesOfOrders(recording).values()].flat().filter(({ kind }) => kind === "outcome");
  const outcomesOf = groupBy(outcomes, ({ by, job }) => owner({ process: by, job }));
  const runsOf = groupBy(recording.runs, owner);
  const eventsOf = groupBy(recording.workerEvents, ({ process, event }) => owner({ process, job: event.jobId ?? "" }));
  return [...new Set([...outcomesOf.keys(), ...runsOf.keys()])].flatMap((about) => {
    const stored = outcomesOf.get(about) ?? [];
    const ofOwner = (eventsOf.get(about) ?? []).map(({ event }) => event);
    const reported = ofOwner.filter(({ type }) => STORED.has(type)).map(({ to }) => to ?? "");
    const lost = ofOwner.filter(({ type }) => type === "lost").length;
    const process = about.slice(0, about.indexOf(" "));
    const endsAt = recording.killed.has(process) ? 0 : (recording.closing.get(process) ?? Number.POSITIVE_INFINITY);
    const mustBeReported = ({ at }: { readonly at: number }) => at < endsAt - CLOSE_MS;
    const others = withoutOutcome(runsOf.get(about) ?? [], stored);
    const found: Violation[] = [];
    const report = (details: string) => found.push(violated("every run ends and is reported", about, details));
    const missing = missingIn(
      reported,
      stored.map(({ to }) => to),
    );
    if (missing.length > 0) report(`reported as stored: ${missing.join(", ")}; the store has no such outcome`);
    const silent = missingIn(
      stored.filter(mustBeReported).map(({ to }) => to),
      reported,
    );
    if (silent.length > 0) report(`stored without a report: ${silent.join(", ")}`);
    if (lost > others.length) report(`${lost} runs were reported as lost, but only ${others.length} stored nothing`);
    const closes = Number.isFinite(endsAt);
    const silentRuns = others.filter((run) => mustBeReported(run) && !(closes && waits(run))).length - lost;
    if (silentRuns > 0) report(`${silentRuns} runs ended without a report`);
    return found;
  });
};

/** Returns true for a run that an outage ended. Its worker repeats the run when both servers are available, unless it closes before that. */
function waits({ end }: Run): boolean {
  return end === "QueueError" || end === "JobStoreError";
}

/** Returns the last run of each claim that has stored no outcome. */
function withoutOutcome(ofOwner: readonly Run[], stored: readonly Change[]): readonly Run[] {
  const versions = new Set(stored.map(({ version }) => version - 1));
  return [...new Map(ofOwner.map((run) => [run.version, run])).values()].filter(
    ({ version }) => !versions.has(version),
  );
}

/** Returns the elements of a list that another list does not have. Equal elements count separately. */
function missingIn(list: readonly string[], other: readonly string[]): readonly string[] {
  const rest = [...other];
  return list.filter((element) => {
    const at = rest.indexOf(element);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function changesOfOrders({ final, runs: all }: Recording): ReadonlyMap<string, readonly Change[]> {
  const ran = new Set(all.map(versionOf));
  const events = final.log.flatMap((event) => ("to" in event && isOrder(event.job) ? [event] : []));
  return new Map([...groupBy(events, ({ job }) => job)].map(([job, ofJob]) => [job, withKinds(ofJob, ran)]));
}

/** @param ran versions of jobs at which a worker ran them */
function withKinds(events: readonly Omit<Change, "kind">[], ran: ReadonlySet<string>): readonly Change[] {
  const changes: Change[] = [];
  for (const event of events) {
    const last = changes.at(-1);
    const isOwn = last?.kind === "claim" && last.by === event.by;
    // A worker can be killed after its claim and before its run. Its own claim is then followed by that of another process.
    const isClaim = event.to === "doing" && (ran.has(versionOf(event)) || !isOwn);
    changes.push({ ...event, kind: isWorker(event.by) ? (isClaim ? "claim" : "outcome") : "other" });
  }
  return changes;
}

/** Returns the earlier claim if a change is a claim of a job that had been claimed before, without a change in between. */
function takeoverOf(previous: Change | undefined, change: Change): readonly Change[] {
  return previous?.kind === "claim" && change.kind === "claim" ? [previous] : [];
}

/** Returns true for the name of a worker process. */
function isWorker(by: string): boolean {
  return /^worker\d+\.\d+$/.test(by);
}

function versionOf({ job, version }: { readonly job: string; readonly version: number }): string {
  return `${job} version ${version}`;
}

function timeIn(outages: readonly Outage[], from: number, to: number): number {
  return outages.reduce((sum, outage) => sum + Math.max(0, Math.min(to, outage.to) - Math.max(from, outage.from)), 0);
}

function violated(guarantee: Violation["guarantee"], about: string, details: string): Violation {
  return { guarantee, about, details };
}
