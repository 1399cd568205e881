import { type StageOptions, startStage, translateQueue } from "@example/contracts";
import type { Consumer } from "@subtitles/queue";
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
}: StageOptions & TranslateOptions): Consumer {
  return startStage(
    {
      name: "translator",
      queue: translateQueue,
      // Pending: a subtitle that was uploaded, or a retry of one that was found before.
      enter: (job, change) =>
        job.status === "pending" || job.status === "translating"
          ? store.updateStatus(job, "translating", change)
          : null,
      work: translate(options),
    },
    { store, broker, log, concurrency },
  );
}
