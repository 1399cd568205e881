import { createWorker, type Worker } from "@subtitles/queue/worker";
import { z } from "zod";
import type { Resources } from "../contracts/connect.js";
import { translate } from "../contracts/job.js";
import { logWorkerEvents } from "../contracts/log.js";
import { openTranslationMemory } from "./memory.js";
import { translateWith } from "./work.js";

export const translatorSettings = {
  /** Path of the translation memory, a TMX file. */
  TRANSLATION_MEMORY_PATH: z.string().default("samples/memory.en-es.tmx"),
  /** Minimum share of the cues that must have a translation, 0 to 1. */
  MIN_COVERAGE: z.coerce.number().min(0).max(1).default(0.8).describe("a number, 0 to 1"),
  /** Maximum number of jobs at the same time. */
  TRANSLATOR_CONCURRENCY: z.coerce.number().int().min(1).max(100).default(2).describe("a number, 1 to 100"),
};

/** Starts the worker that translates subtitles. */
export async function startTranslator(
  { store, broker, files, log }: Resources,
  settings: z.output<z.ZodObject<typeof translatorSettings>>,
): Promise<Worker> {
  const path = settings.TRANSLATION_MEMORY_PATH;
  const provider = await openTranslationMemory(path).catch((cause: Error) => {
    throw new Error(`TRANSLATION_MEMORY_PATH: ${path} cannot be used: ${cause.message}`, { cause });
  });
  return createWorker({
    ...translate,
    store,
    broker,
    run: translateWith({ provider, minCoverage: settings.MIN_COVERAGE, files }),
    concurrency: settings.TRANSLATOR_CONCURRENCY,
    onEvent: logWorkerEvents(log),
  });
}
