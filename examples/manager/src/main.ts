import {
  aborted,
  createLog,
  createSubtitleFiles,
  envOrExit,
  openBroker,
  openStore,
  redisProviderStates,
  stopSignal,
} from "@example/contracts";
import { startManager } from "./app.js";
import { managerEnv } from "./env.js";
import { redisKeys } from "./jobs/redis-keys.js";

const env = envOrExit(managerEnv);
const log = createLog("manager", env.LOG_LEVEL);
const stop = stopSignal();

const redis = {
  url: env.REDIS_URL,
  keyPrefix: env.REDIS_KEY_PREFIX,
  onError: (error: Error) => log.warn({ err: error }, "redis"),
};
await using store = openStore(env, log);
await using broker = openBroker(env, log);
await using providers = redisProviderStates(redis);
await using keys = redisKeys(redis);
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
});

await aborted(stop);
log.info("stopping: requests in hand are answered first");
