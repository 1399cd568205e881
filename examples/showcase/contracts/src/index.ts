// From the templates.
export { readIfThere, writeWhole } from "../../../contracts/files.js";
export { logWorkerEvents } from "../../../contracts/log.js";
// Of the showcase.
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
export { connectionEnv, EnvError, envOrExit, exitWith, parseEnv, workerEnv } from "./env.js";
export {
  isUpload,
  type SubtitleJob,
  type SubtitleStore,
  subtitleJob,
  subtitleStatus,
  uploadUrl,
} from "./job.js";
export { createLog, type Log, logStoreEvents } from "./log.js";
export {
  memoryProviderStates,
  type ProviderNews,
  type ProviderState,
  type ProviderStates,
  providerState,
} from "./provider-state.js";
export { downloadQueue, jobId, jobMessage, type StageQueue, translateQueue } from "./queues.js";
export { redisProviderStates } from "./redis-provider-states.js";
export { createStanding, type Standing } from "./standing.js";
export { aborted, stopSignal } from "./stop.js";
export { createSubtitleFiles, fileUrl, type SubtitleFiles } from "./subtitle-files.js";
export { type WorkerParts, workerName } from "./worker-parts.js";
