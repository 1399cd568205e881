import type { KeysOf } from "../arguments.js";
import type { ClaimOptions, FailRequestOptions, KeyLimit, RequestingMessage } from "../claims.js";
import type { JobDefinition } from "../definition.js";
import type { Job, JobFailure, StatusChange } from "../job.js";
import type { Outbox, OutboxQuery, RescheduleOptions } from "../outbox.js";
import type { Change, ChangeOf, CountsQuery, CreateOptions, JobStore, ListQuery, RequestOptions } from "../types.js";
import type { AnnouncedWorker, PauseOptions } from "../worker-operations.js";

/** Keys that the arguments of a store's calls can have. */

type Store = JobStore<JobDefinition>;
/** Type of the options of a call: the parameter with this index. */
type Options<Call extends (...parameters: never) => unknown, Index extends number> = NonNullable<
  Parameters<Call>[Index]
>;

export const CREATE_OPTIONS: KeysOf<CreateOptions> = { id: true, by: true, outbox: true };

export const REQUEST_OPTIONS: KeysOf<RequestOptions<JobDefinition>> = { ...CREATE_OPTIONS, retryFrom: true };

export const NEW_JOB_KEYS: KeysOf<Options<Store["createMany"], 0>[number]> = { ...CREATE_OPTIONS, data: true };

export const CHANGE_OPTIONS: KeysOf<Change<JobDefinition>> = {
  result: true,
  error: true,
  progress: true,
  by: true,
  note: true,
  key: true,
  handled: true,
  leaseMs: true,
  failedAttempt: true,
  outbox: true,
};

export const CHANGE_BY_ID_OPTIONS: KeysOf<ChangeOf<JobDefinition, string>> = { ...CHANGE_OPTIONS, ifVersion: true };

export const CLAIM_OPTIONS: KeysOf<ClaimOptions<JobDefinition>> = {
  from: true,
  leaseMs: true,
  key: true,
  message: true,
  ifVersion: true,
  limit: true,
  by: true,
  note: true,
};

export const LIMIT_KEYS: KeysOf<KeyLimit> = { field: true, max: true };

export const FAIL_REQUEST_OPTIONS: KeysOf<FailRequestOptions<JobDefinition>> = {
  from: true,
  working: true,
  message: true,
  error: true,
  by: true,
  note: true,
};

export const REQUESTING_MESSAGE_KEYS: KeysOf<RequestingMessage> = { queue: true, id: true, origin: true };

export const CLAIMED_MESSAGE_KEYS: KeysOf<ClaimOptions<JobDefinition>["message"]> = {
  ...REQUESTING_MESSAGE_KEYS,
  payload: true,
  headers: true,
};

export const FAILURE_KEYS: KeysOf<JobFailure> = { message: true, code: true, retryable: true };

export const JOB_KEYS: KeysOf<Job<JobDefinition>> = {
  id: true,
  status: true,
  version: true,
  attempt: true,
  data: true,
  progress: true,
  result: true,
  error: true,
  createdAt: true,
  updatedAt: true,
  statusAt: true,
  expiresAt: true,
  leasedUntil: true,
  history: true,
};

export const HISTORY_KEYS: KeysOf<StatusChange> = {
  from: true,
  to: true,
  at: true,
  version: true,
  by: true,
  note: true,
  key: true,
};

const SCAN_FILTER = { status: true, where: true, order: true, after: true, before: true, limit: true } as const;

export const LIST_OPTIONS: KeysOf<ListQuery<JobDefinition>> = { ...SCAN_FILTER, cursor: true };

export const SCAN_OPTIONS: KeysOf<Options<Store["scan"], 0>> = { ...SCAN_FILTER, signal: true };

export const COUNTS_OPTIONS: KeysOf<CountsQuery<JobDefinition>> = { where: true };

export const WATCH_TARGET_KEYS: KeysOf<Exclude<Options<Store["watch"], 0>, string>> = { after: true };

export const WATCH_OPTIONS: KeysOf<Options<Store["watch"], 1>> = { signal: true };

export const WAIT_FOR_OPTIONS: KeysOf<Options<Store["waitFor"], 1>> = { until: true, timeoutMs: true, signal: true };

export const HEALTH_OPTIONS: KeysOf<Options<Store["health"], 0>> = { timeoutMs: true };

export const AUDIT_OPTIONS: KeysOf<Options<Store["audit"], 0>> = { repair: true };

export const OUTBOX_READ_OPTIONS: KeysOf<Options<Outbox["read"], 0>> = {
  limit: true,
  waitMs: true,
  claimMs: true,
  signal: true,
};

export const PAUSE_OPTIONS: KeysOf<PauseOptions> = { until: true, reason: true, by: true, unlessLonger: true };

export const WORKER_KEYS: KeysOf<AnnouncedWorker<JobDefinition>> = {
  id: true,
  by: true,
  queue: true,
  from: true,
  working: true,
  host: true,
  pid: true,
  version: true,
  state: true,
  concurrency: true,
  limit: true,
  startedAt: true,
};

export const RESUME_OPTIONS: KeysOf<Options<Store["resumeQueue"], 1>> = { by: true };

export const REJECTED_OPTIONS: KeysOf<Options<Outbox["rejected"], 0>> = { limit: true };

export const OUTBOX_LIST_OPTIONS: KeysOf<OutboxQuery> = { kind: true, limit: true, cursor: true };

export const RESCHEDULE_OPTIONS: KeysOf<RescheduleOptions> = { at: true };

/**
 * Property of a change whose caller does not read the changed job: `updateStatus` then resolves to null, and the server sends no record.
 * Workers set it. A registered symbol, so that it works between two copies of the packages.
 */
export const WITHOUT_JOB: unique symbol = Symbol.for("@subtitles/job-store/without-job");
