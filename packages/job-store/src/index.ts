export type * from "./lib/claims.js";
export { createJobStore, type JobStoreOptions } from "./lib/create-job-store.js";
export type {
  FromOf,
  NextOf,
  NotStorable,
  ProgressOf,
  ResultOf,
  StatusOf,
  Storable,
  WorkingOf,
} from "./lib/definition.js";
export {
  type DataOf,
  defineJob,
  type FieldOf,
  type JobDefinition,
  type Json,
  type JsonOnly,
} from "./lib/definition.js";
export type * from "./lib/driver.js";
export { type Issue, JobStoreError, type JobStoreErrorCode, type JobStoreErrorFields } from "./lib/errors.js";
export { idFrom } from "./lib/id-from.js";
export type { Created, Job, JobFailure, JobToSave, StatusChange } from "./lib/job.js";
export type * from "./lib/outbox.js";
export { createReporter, type RejectedChange, type Reporter, type ReporterOptions } from "./lib/reporter/reporter.js";
export type { SentPayload, StatusMessage, StatusRule } from "./lib/status-rule.js";
export type * from "./lib/types.js";
export type * from "./lib/worker-operations.js";
