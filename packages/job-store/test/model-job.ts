import type { Job } from "../src/index.js";
import { isFinal, next, type Report, type Status } from "../src/lib/contract/definitions.js";

/** Job without its times. */
export interface ModelJob {
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly status: Status;
  readonly done: number | null;
  readonly url: string | null;
  readonly label: string | null;
  /** Status changes, each as `from > to @ version`. */
  readonly history: readonly string[];
  /** Time of creation, if jobs with the same id must be distinguished. */
  readonly createdAt?: number;
}

/** Change with all its values. Its effect depends only on the job. */
export type ModelChange =
  | { readonly verb: "create"; readonly label: string | null; readonly createdAt?: number }
  | { readonly verb: "delete"; readonly aim: Aim }
  | { readonly verb: "save"; readonly job: ModelJob }
  | { readonly verb: "progress"; readonly aim: Aim; readonly done: number }
  | { readonly verb: "move"; readonly aim: Aim; readonly to: Status; readonly url: string | undefined };

/** Expected version, and time of creation, of the job to change; null: any job with the id. */
export type Aim = { readonly version: number; readonly createdAt?: number } | null;

/** Result of a change. */
export interface Effect {
  /** Job after the change; null: there is no job. */
  readonly job: ModelJob | null;
  /** Reply to the caller. */
  readonly answer: ModelJob | boolean | "NOT_FOUND" | "CONFLICT" | "ILLEGAL_TRANSITION";
  /** True if the job entered a status. Then the message of the change is stored and an event is emitted. */
  readonly entered?: true;
}

/** Applies a change to a job of the model. Every driver must give the same result. */
export function applyTo(id: string, job: ModelJob | null, change: ModelChange): Effect {
  if (change.verb === "create") {
    if (job !== null) return { job, answer: job };
    const { label, createdAt } = change;
    const times = createdAt === undefined ? {} : { createdAt };
    return enter({ ...times, id, version: 0, attempt: 1, done: null, url: null, label, history: [] }, null, "waiting");
  }
  if (change.verb === "save") {
    if (job !== null && job.version !== change.job.version) return { job, answer: "CONFLICT" };
    const saved = { ...change.job, version: change.job.version + (job === null ? 0 : 1) };
    return { job: saved, answer: saved };
  }
  if (job === null) return { job, answer: change.verb === "delete" ? false : "NOT_FOUND" };
  if (!isMeant(job, change.aim)) return { job, answer: "CONFLICT" };
  if (change.verb === "delete") return { job: null, answer: true };
  if (change.verb === "progress") {
    if (isFinal(job.status)) return { job, answer: "ILLEGAL_TRANSITION" };
    return { job: { ...job, done: change.done }, answer: true };
  }
  const { to, url } = change;
  if (!next(job.status).includes(to)) return { job, answer: job.status === to ? job : "ILLEGAL_TRANSITION" };
  const again = isFinal(job.status) ? { attempt: job.attempt + 1, done: null, url: null } : {};
  return enter({ ...job, ...again, ...(url !== undefined && { url }) }, job.status, to);
}

function isMeant(job: ModelJob, aim: Aim): boolean {
  if (aim === null) return true;
  return aim.version === job.version && (aim.createdAt === undefined || aim.createdAt === job.createdAt);
}

function enter(job: Omit<ModelJob, "status">, from: Status | null, to: Status): Effect {
  const version = job.version + 1;
  const history = [...job.history, `${from} > ${to} @ ${version}`];
  const entered = { ...job, version, status: to, history };
  return { job: entered, answer: entered, entered: true };
}

export function toModel(job: Job<Report>): ModelJob {
  return {
    id: job.id,
    version: job.version,
    attempt: job.attempt,
    status: job.status,
    done: job.progress?.done ?? null,
    url: job.result?.url ?? null,
    label: job.data.label ?? null,
    history: job.history.map(({ from, to, version }) => `${from} > ${to} @ ${version}`),
  };
}

/** Returns the data of a job with a label. */
export function dataOf(id: string, label: string | null): { title: string; label?: string } {
  return label === null ? { title: id } : { title: id, label };
}
