import { number, upcoming } from "./format.js";

/** @typedef {import("./api.js").JobSummary} JobSummary */

/** Minimum progress from which the remaining time is computed. */
const LEAST_DONE = 3;
const LEAST_MS = 1_000;

/**
 * Returns the remaining time of a translation from its speed, in milliseconds. Null: unknown. Both times are from the
 * server, so a wrong clock of the browser has no effect.
 *
 * @param {JobSummary} job
 * @returns {number | null}
 */
export function remainingMs({ status, progress, waiting, statusAt, updatedAt }) {
  if (status !== "translating" || waiting || !progress || progress.done < LEAST_DONE) return null;
  const tookMs = Date.parse(updatedAt) - Date.parse(statusAt);
  return tookMs < LEAST_MS ? null : (tookMs / progress.done) * (progress.total - progress.done);
}

/** @param {JobSummary} job a job in progress */
export function progressText(job) {
  if (job.status === "pending") return job.attempt > 1 ? "Waiting to be tried again" : "Waiting for a worker";
  const { progress, waiting } = job;
  if (waiting) return `Waits until ${upcoming(waiting.until)}`;
  if (!progress) return job.status === "translating" ? "Waiting to be translated" : "Starting";
  const unit = progress.stage === "searching" ? "sources" : "cues";
  const left = remainingMs(job);
  return `${number(progress.done)} of ${number(progress.total)} ${unit}${left === null ? "" : ` · ${roughly(left)} left`}`;
}

/** @param {number} ms */
export function roughly(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 10) return `~${seconds} s`;
  if (seconds < 90) return `~${Math.round(seconds / 5) * 5} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `~${minutes} min` : `~${Math.round(minutes / 60)} h`;
}
