import type { JobDefinition } from "../definition.js";
import type { ListQuery } from "../types.js";
import type { DashboardJobStore } from "./options.js";
import type { Outcome, ShownJob } from "./protocol.js";
import { badRequest, DashboardError } from "./reply.js";

/** Jobs of one step of an action. */
export interface Step {
  readonly jobs: readonly ShownJob[];
  /** Jobs that cannot be changed. */
  readonly outcomes: readonly Outcome[];
  /** Cursor of the next step. null: no jobs remain. */
  readonly cursor: string | null;
}

/** All jobs that match a filter, and entered the status before the user saw them. */
export interface FilteredJobs {
  readonly status: string;
  readonly where: ListQuery<JobDefinition>["where"];
  /** Time at which the view was drawn. */
  readonly shownAt: Date;
  /** Number of jobs that the user confirmed. */
  readonly confirmed: number;
  readonly cursor: string | undefined;
}

/** Maximum number of jobs in one step. */
const STEP = 500;

/** Cursor of a step: the jobs to change in it, the position in the list after them, and how many further jobs were confirmed. */
interface Position {
  readonly jobs: readonly ShownJob[];
  readonly after: string | null;
  readonly left: number;
}

/**
 * Returns the jobs of a step. A step lists the jobs of the next one and puts them into its cursor; the first step changes none. So a step that is
 * repeated, also in another process, changes the same jobs, and the version of each decides if that was done already.
 */
export async function chosenJobs(store: DashboardJobStore, filtered: FilteredJobs): Promise<Step> {
  const { cursor, confirmed } = filtered;
  if (cursor === undefined) {
    await checkConfirmed(store, filtered);
    return { jobs: [], ...(await next(store, filtered, { after: null, left: confirmed })) };
  }
  const { jobs, after, left } = readPosition(cursor);
  if (after === null || left === 0) return { jobs, outcomes: [], cursor: null };
  return { jobs, ...(await next(store, filtered, { after, left })) };
}

/** Lists the jobs of the next step. */
async function next(
  store: DashboardJobStore,
  { status, where, shownAt }: FilteredJobs,
  { after, left }: Omit<Position, "jobs">,
): Promise<Omit<Step, "jobs">> {
  const { items, unreadable, cursor } = await store.list({
    ...{ status, where },
    order: "oldest",
    before: new Date(shownAt.getTime() + 1),
    limit: Math.min(STEP, left),
    cursor: after ?? undefined,
  });
  const outcomes = unreadable.map(({ id }) => ({
    id,
    outcome: "refused" as const,
    message: "It cannot be read. Its own page shows why, and can delete it.",
  }));
  const jobs = items.map(({ id, version, createdAt }) => ({ id, version, createdAt: createdAt.toISOString() }));
  const remaining = left - jobs.length - outcomes.length;
  if (jobs.length === 0 && (cursor === undefined || remaining <= 0)) return { outcomes, cursor: null };
  const position: Position = { jobs, after: cursor ?? null, left: Math.max(0, remaining) };
  return { outcomes, cursor: Buffer.from(JSON.stringify(position)).toString("base64url") };
}

/** @throws DashboardError */
function readPosition(cursor: string): Position {
  try {
    const { jobs, after, left } = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    const isShown = (job: ShownJob) =>
      typeof job.id === "string" && Number.isSafeInteger(job.version) && typeof job.createdAt === "string";
    const isList = Array.isArray(jobs) && jobs.length <= STEP && jobs.every(isShown);
    const isPlace = (after === null || typeof after === "string") && Number.isSafeInteger(left) && left >= 0;
    if (isList && isPlace) return { jobs, after, left };
  } catch {
    // The text is no cursor.
  }
  throw badRequest("`cursor` is not a cursor of this action.");
}

/** Maximum number of jobs that may have entered the status since the view was drawn. */
const MAX_LATER = 1000;

/** Checks that no more jobs match than the user confirmed. @throws DashboardError */
async function checkConfirmed(store: DashboardJobStore, filtered: FilteredJobs): Promise<void> {
  const { status, where, shownAt, confirmed } = filtered;
  const count = (await store.counts({ where }))[status] ?? 0;
  if (count <= confirmed) return;
  // Jobs that entered the status since then are not meant.
  const later = await store.list({ status, where, after: shownAt, limit: MAX_LATER });
  const matching = count - later.items.length - later.unreadable.length;
  if (later.cursor === undefined && matching <= confirmed) return;
  const message = `More jobs match than the ${confirmed} that were confirmed. Load the list again. Nothing was changed.`;
  throw new DashboardError(409, "CONFLICT", message);
}
