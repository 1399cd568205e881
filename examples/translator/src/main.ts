import {
  aborted,
  createLog,
  createSubtitleFiles,
  envOrExit,
  exitWith,
  openBroker,
  openStore,
  stopSignal,
} from "@example/contracts";
import { loadTranslationMemory, paced, startTranslator } from "./app.js";
import { translatorEnv } from "./env.js";

const env = envOrExit(translatorEnv);
const log = createLog("translator", env.LOG_LEVEL);
const stop = stopSignal();
const memory = await loadTranslationMemory(env.TRANSLATION_MEMORY_PATH).catch(exitWith);

await using store = openStore(env, log);
await using broker = openBroker(env, log);
await using _translator = startTranslator({
  store,
  broker,
  log,
  concurrency: env.CONCURRENCY,
  provider: paced(memory, env.DEMO_BATCH_PAUSE_MS),
  minCoverage: env.TRANSLATION_MIN_COVERAGE,
  batchSize: env.TRANSLATION_BATCH_SIZE,
  files: createSubtitleFiles(env.SUBTITLE_STORAGE_PATH),
  downloadBaseUrl: env.DOWNLOAD_BASE_URL,
});

await aborted(stop);
log.info("stopping: work in hand is finished first");
