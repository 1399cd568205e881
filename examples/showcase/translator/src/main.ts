import { join } from "node:path";
import {
  aborted,
  createLog,
  createSubtitleFiles,
  envOrExit,
  exitWith,
  openBroker,
  openProviderStates,
  openStore,
  stopSignal,
} from "@showcase/contracts";
import { fileCheckpoints, paced, startTranslator } from "./app.js";
import { translatorEnv } from "./env.js";
import { translationFromEnv } from "./provider-from-env.js";

const KEEP_CHECKPOINTS_MS = 7 * 24 * 60 * 60_000;

const env = envOrExit(translatorEnv);
const log = createLog("translator", env.LOG_LEVEL);
const stop = stopSignal();

await using states = openProviderStates(env, log);
const provider = await translationFromEnv(env, { states, log }).catch(exitWith);
const checkpoints = fileCheckpoints(env.CHECKPOINT_STORAGE_PATH ?? join(env.SUBTITLE_STORAGE_PATH, ".checkpoints"));
await checkpoints.sweep(KEEP_CHECKPOINTS_MS);

await using store = openStore(env, log);
await using broker = openBroker(env, log);
const translator = startTranslator({
  store,
  broker,
  log,
  concurrency: env.CONCURRENCY,
  provider: paced(provider, env.DEMO_BATCH_PAUSE_MS),
  minCoverage: env.TRANSLATION_MIN_COVERAGE,
  batchSize: env.TRANSLATION_BATCH_SIZE,
  checkpoints,
  files: createSubtitleFiles(env.SUBTITLE_STORAGE_PATH),
  downloadBaseUrl: env.DOWNLOAD_BASE_URL,
});

await aborted(stop);
log.info("stopping: running jobs are finished first");
await translator.close({ graceMs: env.SHUTDOWN_TIMEOUT * 1000 });
