import type { ChangeMetadata, RecordedChange, StatusUpdate, StoreConfig } from "../driver.js";
import { byteLength } from "../utf8.js";
import type { StoredJob } from "./stored-job.js";

/** Number of changes whose keys are kept. */
const MAX_KEYS = 4;

/** Returns the job after a status change. */
export function changedJob(
  config: StoreConfig,
  job: StoredJob,
  change: Pick<StatusUpdate, "to" | "progress" | "result" | "error" | "metadata">,
): StoredJob {
  const now = Date.now();
  const { to, metadata } = change;
  const version = job.version + 1;
  const kept = config.finalStatuses.includes(job.status)
    ? { ...job, attempt: job.attempt + 1, progress: null, result: null, error: null }
    : job;
  return withExpiry(config, {
    ...kept,
    version,
    status: to,
    updatedAt: now,
    statusAt: now,
    progress: change.progress === undefined ? kept.progress : change.progress,
    result: change.result ?? kept.result,
    error: change.error ?? kept.error,
    history: withEntry(config, job.history, { from: job.status, to, at: now, version, ...metadataOf(metadata) }),
    keys: keysAfter(job.keys, metadata.key),
  });
}

/** Returns the job with the time at which it expires in its status. */
export function withExpiry({ ttlMs }: StoreConfig, job: Omit<StoredJob, "expiresAt">): StoredJob {
  const ttl = ttlMs.get(job.status) ?? 0;
  return { ...job, expiresAt: ttl === 0 ? null : job.statusAt + ttl };
}

/** Returns the newest entries of a history with one more. */
export function withEntry(
  { historyLimit }: StoreConfig,
  history: readonly RecordedChange[],
  change: RecordedChange,
): readonly RecordedChange[] {
  return historyLimit === 0 ? [] : [...history, change].slice(-historyLimit);
}

/** Returns the keys of the last changes, with that of a new change. */
export function keysAfter(keys: StoredJob["keys"], key: string | undefined): StoredJob["keys"] {
  return [...keys, key ?? null].slice(-MAX_KEYS);
}

/** Returns the metadata of a history entry, without undefined properties. */
export function metadataOf(metadata: ChangeMetadata): { by?: string; note?: string; key?: string } {
  return {
    ...(metadata.by !== undefined && { by: metadata.by }),
    ...(metadata.note !== undefined && { note: metadata.note }),
    ...(metadata.key !== undefined && { key: metadata.key }),
  };
}

/** Returns the size of the record in bytes. The keys are not part of it. */
export function sizeOf(job: StoredJob): number {
  return byteLength(JSON.stringify({ ...job, keys: undefined }));
}
