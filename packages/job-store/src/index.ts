export type * from "./lib/activity.js";
export type * from "./lib/claims.js";
export type {
  DataOf,
  FieldOf,
  FromOf,
  JobDefinition,
  Json,
  JsonOnly,
  NextOf,
  NotStorable,
  ProgressOf,
  ResultOf,
  StatusOf,
  Storable,
  WorkingOf,
} from "./lib/definition.js";
export { defineJob } from "./lib/definition.js";
export type * from "./lib/driver.js";
export { type Issue, JobStoreError, type JobStoreErrorCode, type JobStoreErrorFields } from "./lib/errors.js";
export type * from "./lib/events.js";
export { idFrom } from "./lib/id-from.js";
export type { Created, Job, JobFailure, JobToSave, StatusChange } from "./lib/job.js";
export type * from "./lib/outbox.js";
export { createReporter, type RejectedChange, type Reporter, type ReporterOptions } from "./lib/reporter/reporter.js";
export type { SentPayload, StatusMessage, StatusRule } from "./lib/status-rule.js";
export { createJobStore, type JobStoreOptions, type RecordedLifecycle } from "./lib/store/create-job-store.js";
export { openRecordedStore, type RecordedStore, type RecordedStoreOptions } from "./lib/store/recorded-store.js";
export type * from "./lib/types.js";
export type * from "./lib/worker-operations.js";
