import { logWorkerEvents, translateStage, WAITING, type WorkerParts, workerName } from "@showcase/contracts";
import { createWorker, type Worker } from "@subtitles/queue/worker";
import { type TranslateOptions, translate } from "./translate.js";

export { fileCheckpoints } from "./checkpoint.js";
export { paced } from "./paced.js";
export { loadTranslationMemory, type TranslationProvider } from "./text/index.js";

/** Starts the translator. The caller opens and closes the store and the broker. */
export function startTranslator({
  store,
  broker,
  log,
  concurrency,
  ...options
}: WorkerParts & TranslateOptions): Worker {
  const logEvent = logWorkerEvents(log);
  return createWorker({
    ...translateStage,
    store,
    broker,
    from: WAITING, // jobs of uploaded subtitles begin with their translation
    run: translate(options),
    concurrency,
    by: workerName("translator"),
    async onEvent(event) {
      logEvent(event);
      // Removes the checkpoint only now: until the outcome is stored, another attempt can need its paid translations.
      if (event.type === "done" && event.jobId !== undefined) await options.checkpoints.remove(event.jobId);
    },
  });
}
