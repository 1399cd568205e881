import { workerEnv } from "@showcase/contracts";
import { z } from "zod";
import { providersEnv } from "./providers/env.js";

export const translatorEnv = {
  ...workerEnv,
  TRANSLATION_MEMORY_PATH: z
    .string()
    .optional()
    .describe("the translation memory, a TMX file such as ./memory.en-es.tmx"),
  TRANSLATION_LEARNED_PATH: z
    .string()
    .optional()
    .describe(
      "a folder for the translations of the provider, shared by all translators, so that each is requested once",
    ),
  TRANSLATION_MIN_COVERAGE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe("the minimum share of cues that must have a translation, 0 to 1"),
  TRANSLATION_BATCH_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(50)
    .describe("the number of cues per call of the provider, 1 to 1000"),
  CHECKPOINT_STORAGE_PATH: z
    .string()
    .optional()
    .describe(
      "a folder for the checkpoints of jobs, shared by all translators; default: .checkpoints in SUBTITLE_STORAGE_PATH",
    ),
  ...providersEnv,
  DEMO_BATCH_PAUSE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe("the pause after each batch in milliseconds, 0 to 60000, which makes progress visible in demonstrations"),
};
