import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { jobId, readIfThere, writeWhole } from "@showcase/contracts";
import { z } from "zod";
import type { Translation } from "./text/provider.js";

/** Translations of an attempt until now. The next attempt continues with them, so that no translation is paid for twice. */
export interface Checkpoint {
  /** Returns the translations by cue index. Empty if there are none for exactly this work. */
  load(): Promise<ReadonlyMap<number, Translation>>;
  save(translations: ReadonlyMap<number, Translation>): Promise<void>;
}

export interface Checkpoints {
  /** @param work everything on which the translations depend: content, languages, settings */
  of(jobId: string, work: readonly string[]): Checkpoint;
  /** Removes all checkpoints of a job, also those for other settings or contents. */
  remove(jobId: string): Promise<void>;
  /** Removes the checkpoints that did not change for `olderThanMs`. */
  sweep(olderThanMs: number): Promise<void>;
}

const saved = z.array(
  z.tuple([z.int(), z.object({ text: z.string(), match: z.enum(["exact", "fuzzy", "machine"]), score: z.number() })]),
);

/** Creates checkpoints in a folder that the workers share. It has a folder for each job, with a file for each kind of work. */
export function fileCheckpoints(folder: string): Checkpoints {
  function folderOf(id: string): string {
    if (!jobId.safeParse(id).success) throw new TypeError("The name of a checkpoint must be a job id.");
    return join(folder, `job-${id}`);
  }
  return {
    of(id, work) {
      const ofJob = folderOf(id);
      const path = join(ofJob, `${createHash("sha256").update(JSON.stringify(work)).digest("hex")}.json`);
      return {
        async load() {
          const text = await readIfThere(path);
          const translations = saved.safeParse(text === null ? [] : parsedOrNull(text));
          return new Map(translations.data ?? []);
        },
        async save(translations) {
          await mkdir(ofJob, { recursive: true });
          await writeWhole(path, JSON.stringify([...translations]));
        },
      };
    },
    remove: (id) => rm(folderOf(id), { recursive: true, force: true }),
    async sweep(olderThanMs) {
      const names = await readdir(folder).catch(() => []);
      for (const name of names.filter((each) => each.startsWith("job-"))) {
        const path = join(folder, name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
        if (Date.now() - mtimeMs > olderThanMs) await rm(path, { recursive: true, force: true });
      }
    },
  };
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
