import { deletions } from "./deletions.js";
import { effects } from "./effects.js";
import { inTime } from "./in-time.js";
import { indexOfJobs } from "./index-of-jobs.js";
import { messages, workDone } from "./messages.js";
import { reads, waits } from "./reads.js";
import type { Check, Run, Violation } from "./run.js";
import { saves } from "./saves.js";
import { secrets } from "./secrets.js";
import { histories, steps } from "./steps.js";
import { watched } from "./watched.js";

const composure: Check = ({ problems }) =>
  problems.map((words) => ({ promise: "processes end, systems come to rest", about: "the run", words }));

const checks: readonly Check[] = [
  effects,
  deletions,
  saves,
  reads,
  waits,
  steps,
  histories,
  indexOfJobs,
  watched,
  messages,
  workDone,
  inTime,
  secrets,
  composure,
];

/** Which promises a run has found broken, and where. */
export function judge(run: Run): readonly Violation[] {
  return checks.flatMap((check) => check(run));
}
