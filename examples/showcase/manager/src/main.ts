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
import { startManager } from "./app.js";
import { managerEnv } from "./env.js";
import { openRequestKeys } from "./jobs/redis-keys.js";

const env = envOrExit(managerEnv);
const log = createLog("manager", env.LOG_LEVEL);
const stop = stopSignal();

await using store = openStore(env, log);
await using broker = openBroker(env, log);
await using providers = openProviderStates(env, log);
await using keys = openRequestKeys(env, log);
await using _manager = await startManager({
  store,
  broker,
  providers,
  keys,
  log,
  files: createSubtitleFiles(env.SUBTITLE_STORAGE_PATH),
  host: env.API_HOST,
  port: env.API_PORT,
  token: env.API_TOKEN,
  requestsPerMinute: env.API_REQUESTS_PER_MINUTE,
  maxConnectionsPerAddress: env.API_CONNECTIONS_PER_ADDRESS,
});

await aborted(stop);
log.info("stopping: open requests are answered first");
