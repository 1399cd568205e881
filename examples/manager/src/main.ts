import {
  aborted,
  createLog,
  createSubtitleFiles,
  envOrExit,
  openBroker,
  openStore,
  stopSignal,
} from "@example/contracts";
import { startManager } from "./app.js";
import { managerEnv } from "./env.js";

const env = envOrExit(managerEnv);
const log = createLog("manager", env.LOG_LEVEL);
const stop = stopSignal();

await using store = openStore(env, log);
await using broker = openBroker(env, log);
await using _manager = await startManager({
  store,
  broker,
  log,
  files: createSubtitleFiles(env.SUBTITLE_STORAGE_PATH),
  host: env.API_HOST,
  port: env.API_PORT,
});

await aborted(stop);
log.info("stopping: requests in hand are answered first");
