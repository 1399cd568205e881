import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { jobId } from "./job.js";
import { isVtt, type SubtitleFormat } from "./subtitle/index.js";

/** The folder of finished subtitles: one file per job and language, SRT or WebVTT, in UTF-8 without a byte order mark. */
export interface SubtitleFiles {
  /**
   * Whole or not at all: a reader never sees half a file, nor does a crash leave one under the file's name. What was
   * saved for this job and language before is replaced, whichever format it had.
   */
  save(jobId: string, language: string, content: string): Promise<void>;
  /** Null where there is no such file. */
  read(jobId: string, language: string): Promise<string | null>;
}

const OTHER: Readonly<Record<SubtitleFormat, SubtitleFormat>> = { srt: "vtt", vtt: "srt" };

export function createSubtitleFiles(folder: string): SubtitleFiles {
  const pathOf = (jobId: string, language: string, format: SubtitleFormat) =>
    join(folder, `${fileName(jobId, language)}.${format}`);
  return {
    async save(jobId, language, content) {
      const format = isVtt(content) ? "vtt" : "srt";
      const path = pathOf(jobId, language, format);
      await mkdir(folder, { recursive: true });
      // First, so that there are never two: without either, the job is not done yet.
      await rm(pathOf(jobId, language, OTHER[format]), { force: true });
      await writeWhole(path, content.startsWith("\uFEFF") ? content.slice(1) : content);
    },
    async read(jobId, language) {
      return (await readIfThere(pathOf(jobId, language, "srt"))) ?? (await readIfThere(pathOf(jobId, language, "vtt")));
    },
  };
}

/** Writes a file by a temporary one beside it, which takes its name once it is on the disk. */
export async function writeWhole(path: string, content: string): Promise<void> {
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
}

/** The file's text, or null where there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Both parts come from outside: only what cannot leave the folder is let through. */
function fileName(id: string, language: string): string {
  if (!jobId.safeParse(id).success || !/^[A-Za-z0-9-]{1,64}$/.test(language)) {
    throw new TypeError("A subtitle file is named by a job id and a language tag, nothing else.");
  }
  return `${id}.${language}`;
}

/** Where a client gets a finished job's file. */
export function fileUrl(downloadBaseUrl: string, jobId: string): string {
  return `${downloadBaseUrl.replace(/\/+$/, "")}/api/v1/jobs/${jobId}/file`;
}
