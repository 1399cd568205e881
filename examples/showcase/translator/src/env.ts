import { workerEnv } from "@showcase/contracts";
import { z } from "zod";
import { providersEnv } from "./providers/env.js";

export const translatorEnv = {
  ...workerEnv,
  TRANSLATION_MEMORY_PATH: z.string().optional().describe("the TMX file to translate from, such as ./memory.en-es.tmx"),
  TRANSLATION_LEARNED_PATH: z
    .string()
    .optional()
    .describe("a folder shared by all translators, for what a provider translated, so that it is asked only once"),
  TRANSLATION_MIN_COVERAGE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe("the least share of cues that must have a translation, 0 to 1"),
  TRANSLATION_BATCH_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(50)
    .describe("how many cues are translated at a time, 1 to 1000"),
  CHECKPOINT_STORAGE_PATH: z
    .string()
    .optional()
    .describe(
      "a folder shared by all translators, for work in progress; .checkpoints in SUBTITLE_STORAGE_PATH otherwise",
    ),
  ...providersEnv,
  DEMO_BATCH_PAUSE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe(
      "for demonstrations only: how long to rest after each batch, in milliseconds, so that progress can be watched",
    ),
};
