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
export { Failure, NotNow } from "./failures.js";
export {
  type JobProgress,
  jobId,
  type SubtitleJob,
  type SubtitleStore,
  subtitleJob,
  subtitleStatus,
  type Working,
  type WorkingJob,
} from "./job.js";
export { createLog, type Log, logStoreEvents } from "./log.js";
export { goingOn, waitingOf } from "./parking.js";
export {
  memoryProviderStates,
  type ProviderNews,
  type ProviderState,
  type ProviderStates,
  providerState,
} from "./provider-state.js";
export { downloadQueue, jobMessage, queueOf, type StageQueue, translateQueue } from "./queues.js";
export { redisProviderStates } from "./redis-provider-states.js";
export { runOf } from "./runs.js";
export { type Outcome, type Stage, type StageOptions, type StageTools, startStage } from "./stage.js";
export { createStanding, type Standing } from "./standing.js";
export { aborted, stopSignal } from "./stop.js";
export { createSubtitleFiles, fileUrl, readIfThere, type SubtitleFiles, writeWhole } from "./subtitle-files.js";
export { untilStored } from "./until-stored.js";
