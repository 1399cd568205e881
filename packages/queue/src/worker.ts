export { createWorker } from "./lib/worker/create-worker.js";
export { JobFailed, RetryLater } from "./lib/worker/errors.js";
export type * from "./lib/worker/types.js";
