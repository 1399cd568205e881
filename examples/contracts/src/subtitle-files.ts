import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { jobId } from "./job.js";

/** The folder of finished subtitles: one file per job and language. */
export interface SubtitleFiles {
  /** Whole or not at all: a reader never sees half a file, nor does a crash leave one under the file's name. */
  save(jobId: string, language: string, content: string | Uint8Array): Promise<void>;
  /** Null where there is no such file. */
  read(jobId: string, language: string): Promise<Buffer | null>;
}

export function createSubtitleFiles(folder: string): SubtitleFiles {
  return {
    async save(jobId, language, content) {
      const path = join(folder, fileName(jobId, language));
      await mkdir(folder, { recursive: true });
      // A name of its own: two workers may hold the same job for a moment, while one replaces the other.
      const temporary = `${path}.${randomUUID()}.tmp`;
      try {
        const file = await open(temporary, "wx");
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
    async read(jobId, language) {
      try {
        return await readFile(join(folder, fileName(jobId, language)));
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
        throw error;
      }
    },
  };
}

/** Both parts come from outside: only what cannot leave the folder is let through. */
function fileName(id: string, language: string): string {
  if (!jobId.safeParse(id).success || !/^[A-Za-z0-9-]{1,64}$/.test(language)) {
    throw new TypeError("A subtitle file is named by a job id and a language tag, nothing else.");
  }
  return `${id}.${language}.srt`;
}

/** Where a client gets a finished job's file. */
export function fileUrl(downloadBaseUrl: string, jobId: string): string {
  return `${downloadBaseUrl.replace(/\/+$/, "")}/subtitles/${jobId}/file`;
}
