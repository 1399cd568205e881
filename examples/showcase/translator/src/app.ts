import { logWorkerEvents, translateQueue, type WorkerParts, workerName } from "@showcase/contracts";
import { createWorker, type Worker } from "@subtitles/queue/worker";
import { type TranslateOptions, translate } from "./translate.js";

export { fileCheckpoints } from "./checkpoint.js";
export { paced } from "./paced.js";
export { loadTranslationMemory, type TranslationProvider } from "./text/index.js";

/** The translator, on a store and a broker that the caller opened and will close. */
export function startTranslator({
  store,
  broker,
  log,
  concurrency,
  ...options
}: WorkerParts & TranslateOptions): Worker {
  const logEvent = logWorkerEvents(log);
  return createWorker({
    store,
    broker,
    queue: translateQueue,
    from: "pending", // a subtitle that was uploaded
    working: "translating",
    run: translate(options),
    concurrency,
    by: workerName("translator"),
    async onEvent(event) {
      logEvent(event);
      // Not earlier: until the store has the outcome, the next attempt may need what was paid for.
      if (event.type === "done" && event.jobId !== undefined) await options.checkpoints.remove(event.jobId);
    },
  });
}
