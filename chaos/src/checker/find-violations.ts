import { deletions, namedChanges, saves } from "./changes.js";
import { indexes } from "./indexes.js";
import { messages } from "./messages.js";
import { durations, noProblems, secrets } from "./processes.js";
import { reads, waits } from "./reads.js";
import type { Check, Recording, Violation } from "./recording.js";
import { histories, transitions } from "./transitions.js";
import { watchedEvents } from "./watched.js";
import { claims, ordersEnd, reports, runs } from "./work.js";

const checks: readonly Check[] = [
  namedChanges,
  deletions,
  saves,
  reads,
  waits,
  transitions,
  histories,
  indexes,
  watchedEvents,
  messages,
  ordersEnd,
  claims,
  runs,
  reports,
  durations,
  secrets,
  noProblems,
];

/** The checker: decides from the recording alone which guarantees were violated. */
export function findViolations(recording: Recording): readonly Violation[] {
  return checks.flatMap((check) => check(recording));
}
