// Parts of the templates.
export { readIfThere, writeWhole } from "../../../contracts/files.js";
export { download as downloadStage, translate as translateStage, WAITING } from "../../../contracts/job.js";
export { logWorkerEvents } from "../../../contracts/log.js";
export { readSettings } from "../../../contracts/settings.js";
// Parts of the showcase.
export { type Abortable, abortable } from "./abortable.js";
export { openBroker, openProviderStates, openStore } from "./connect.js";
export {
  type ResultDetails,
  resultDetails,
  type SubtitleDetails,
  subtitleDetails,
  type TranslationDetails,
  translationDetails,
} from "./details.js";
export { connectionEnv, envOrExit, exitWith, workerEnv } from "./env.js";
export {
  isUpload,
  type SubtitleJob,
  type SubtitleStore,
  subtitleJob,
  subtitleStatus,
  uploadUrl,
} from "./job.js";
export { createLog, type Log, logStoreEvents } from "./log.js";
export { createProviderAccess, type ProviderAccess } from "./provider-access.js";
export {
  memoryProviderStates,
  type ProviderChange,
  type ProviderState,
  type ProviderStates,
  providerState,
} from "./provider-state.js";
export { downloadQueue, jobId, jobMessage, type StageQueue, translateQueue } from "./queues.js";
export { redisProviderStates } from "./redis-provider-states.js";
export { aborted, stopSignal } from "./stop.js";
export { createSubtitleFiles, fileUrl, type SubtitleFiles } from "./subtitle-files.js";
export { type WorkerParts, workerName } from "./worker-parts.js";
