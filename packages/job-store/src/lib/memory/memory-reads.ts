import type { Examination, ListPosition, ListRequest, ListResult, StoreConfig } from "../driver.js";
import { comparePositions } from "../driver-rules.js";
import type { JobTable } from "./job-table.js";
import type { StoredJob } from "./stored-job.js";

/** Returns a page of the jobs of a table. */
export function listJobs(table: JobTable, request: ListRequest): ListResult {
  const { statuses, where, after, before, start, limit } = request;
  const direction = request.order === "newest" ? -1 : 1;
  const matching: { position: ListPosition; job: StoredJob }[] = [];
  for (const job of table.live()) {
    const position = { at: statuses === null ? job.createdAt : job.statusAt, id: job.id };
    if (
      (statuses === null || statuses.includes(job.status)) &&
      (where === null || job.fields.get(where.field) === where.value) &&
      (after === null || position.at > after) &&
      (before === null || position.at < before) &&
      (start === null || comparePositions(position, start) * direction > 0)
    ) {
      matching.push({ position, job });
    }
  }
  matching.sort((a, b) => comparePositions(a.position, b.position) * direction);
  const page = matching.slice(0, limit);
  return {
    entries: page.map(({ position, job }) => ({ ...position, kind: "record", record: table.toRecord(job) })),
    next: matching.length > limit ? (page.at(-1)?.position ?? null) : null,
  };
}

/** Counts the jobs of a table by status. */
export function countJobs(
  table: JobTable,
  { statuses }: StoreConfig,
  where: ListRequest["where"],
): ReadonlyMap<string, number> {
  const counts = new Map(statuses.map((status) => [status, 0]));
  for (const job of table.live()) {
    if (where !== null && job.fields.get(where.field) !== where.value) continue;
    counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
  }
  return counts;
}

/** Reads what an explanation needs of a job of a table. */
export function examineJob(table: JobTable, id: string): Examination {
  const { work, outbox } = table;
  const job = table.find(id);
  const until = job === undefined ? null : work.leasedUntil(job);
  const lease =
    job === undefined || until === null
      ? null
      : { createdAt: job.createdAt, version: job.version, until, owned: work.peek(job)?.lease?.owned === true };
  const [first] = outbox.published.values();
  return {
    job: job === undefined ? { kind: "absent" } : { kind: "record", record: table.toRecord(job) },
    lease,
    waiting: table.places.waiting(id),
    publishedAt: outbox.published.get(id) ?? null,
    publishedSince: first ?? null,
    now: Date.now(),
  };
}
