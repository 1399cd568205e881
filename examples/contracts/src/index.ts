export { openBroker, openStore } from "./connect.js";
export { connectionEnv, EnvError, envOrExit, exitWith, parseEnv, workerEnv } from "./env.js";
export { jobId, type SubtitleJob, type SubtitleStore, subtitleStatus, type WorkingJob } from "./job.js";
export { createLog, type Log, logStoreEvents } from "./log.js";
export { downloadQueue, type StageQueue, translateQueue } from "./queues.js";
export { type Outcome, type Stage, type StageOptions, type StageTools, startStage } from "./stage.js";
export { aborted, stopSignal } from "./stop.js";
export { createSubtitleFiles, fileUrl, type SubtitleFiles } from "./subtitle-files.js";
export { untilStored } from "./until-stored.js";
