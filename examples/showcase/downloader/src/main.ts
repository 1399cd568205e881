import {
  aborted,
  createLog,
  createSubtitleFiles,
  envOrExit,
  openBroker,
  openProviderStates,
  openStore,
  stopSignal,
} from "@showcase/contracts";
import { librarySource, startDownloader, videoSource } from "./app.js";
import { downloaderEnv } from "./env.js";
import { openSubtitlesFromEnv } from "./opensubtitles/env.js";

const env = envOrExit(downloaderEnv);
const log = createLog("downloader", env.LOG_LEVEL);
const stop = stopSignal();

await using store = openStore(env, log);
await using states = openProviderStates(env, log);
await using broker = openBroker(env, log);
const downloader = startDownloader({
  store,
  broker,
  log,
  concurrency: env.CONCURRENCY,
  sources: [
    videoSource(env.MEDIA_PATH),
    librarySource(env.SUBTITLE_LIBRARY_PATH),
    ...openSubtitlesFromEnv(env, { states, log }),
  ],
  files: createSubtitleFiles(env.SUBTITLE_STORAGE_PATH),
  downloadBaseUrl: env.DOWNLOAD_BASE_URL,
});

await aborted(stop);
log.info("stopping: running jobs are finished first");
await downloader.close({ graceMs: env.SHUTDOWN_TIMEOUT * 1000 });
