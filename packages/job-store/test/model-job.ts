import type { Job } from "../src/index.js";
import { isFinal, next, type Report, type Status } from "../src/lib/contract/definitions.js";

/** What a job is, its times left out. */
export interface ModelJob {
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly status: Status;
  readonly done: number | null;
  readonly url: string | null;
  readonly label: string | null;
  /** `from > to @ version` */
  readonly history: readonly string[];
  /** Where jobs of one id have to be told apart. */
  readonly createdAt?: number;
}

/** A change told in full: what it makes of a job depends on nothing but the job. */
export type ModelChange =
  | { readonly verb: "create"; readonly label: string | null; readonly createdAt?: number }
  | { readonly verb: "delete"; readonly aim: Aim }
  | { readonly verb: "save"; readonly job: ModelJob }
  | { readonly verb: "progress"; readonly aim: Aim; readonly done: number }
  | { readonly verb: "move"; readonly aim: Aim; readonly to: Status; readonly url: string | undefined };

/** Which job is meant; null: any of the id. */
export type Aim = { readonly version: number; readonly createdAt?: number } | null;

/** What becomes of a job (null: there is none), and what the caller hears. */
export interface Effect {
  readonly job: ModelJob | null;
  readonly answer: ModelJob | boolean | "NOT_FOUND" | "CONFLICT" | "ILLEGAL_TRANSITION";
  /** Whether a status was entered: then the change's message is stored, and an event tells of it. */
  readonly entered?: true;
}

/** A job store in a few lines of plain code: what any driver must agree with. */
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

/** Data of a job with this label. */
export function dataOf(id: string, label: string | null): { title: string; label?: string } {
  return label === null ? { title: id } : { title: id, label };
}
