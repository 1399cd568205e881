import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeWhole } from "../../../contracts/files.js";
import { jobId } from "./queues.js";
import { isVtt, type SubtitleFormat } from "./subtitle/index.js";

/**
 * Folder of finished subtitles: one file per job and language, SRT or WebVTT, in UTF-8 without a byte order mark. It replaces
 * `Files` of the templates: it has two formats, and it lists and removes the files of a job.
 */
export interface SubtitleFiles {
  /** Stores a file completely or not at all. It replaces an earlier file of this job and language, also in the other format. */
  save(jobId: string, language: string, content: string): Promise<void>;
  /** Returns the content, or null if there is no such file. */
  read(jobId: string, language: string): Promise<string | null>;
  /** Returns the jobs without a file that was written in the last `olderThanMs` milliseconds. */
  list(options: { readonly olderThanMs: number }): Promise<readonly string[]>;
  /** Removes all files of a job. Missing files are not an error. */
  remove(jobId: string): Promise<void>;
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
      // Removes the other format first, so that there are never two files. The job is not completed before the new one exists.
      await rm(pathOf(jobId, language, OTHER[format]), { force: true });
      await writeWhole(path, content.startsWith("\uFEFF") ? content.slice(1) : content);
    },
    async read(jobId, language) {
      return (await readIfThere(pathOf(jobId, language, "srt"))) ?? (await readIfThere(pathOf(jobId, language, "vtt")));
    },
    async list({ olderThanMs }) {
      const newest = new Map<string, number>();
      for (const { name, id } of await stored(folder)) {
        const writtenAt = await lastWritten(join(folder, name));
        newest.set(id, Math.max(newest.get(id) ?? 0, writtenAt));
      }
      const before = Date.now() - olderThanMs;
      return [...newest].filter(([, writtenAt]) => writtenAt <= before).map(([id]) => id);
    },
    async remove(jobId) {
      for (const { name, id } of await stored(folder)) if (id === jobId) await rm(join(folder, name), { force: true });
    },
  };
}

/** Name of a file of a job, or of a temporary file that a crash has left. The folder can contain other files. */
const FILE = /^(?<id>[A-Za-z0-9._-]{1,128})\.[A-Za-z0-9-]{1,64}\.(?:srt|vtt)(?:\.[0-9a-f-]{36}\.tmp)?$/;

async function stored(folder: string): Promise<readonly { readonly name: string; readonly id: string }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  return names.flatMap((name) => {
    const id = FILE.exec(name)?.groups?.id;
    return id === undefined ? [] : [{ name, id }];
  });
}

/** Returns the time of the last change. A file that was removed in the meantime counts as new. */
async function lastWritten(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isAbsent(error)) return Date.now();
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Returns the name of a file. Both parts come from clients, so characters that could lead out of the folder are rejected. */
function fileName(id: string, language: string): string {
  if (!jobId.safeParse(id).success || !/^[A-Za-z0-9-]{1,64}$/.test(language)) {
    throw new TypeError("The name of a subtitle file consists of a job id and a language tag.");
  }
  return `${id}.${language}`;
}

/** Returns the address of a completed job's file. */
export function fileUrl(downloadBaseUrl: string, jobId: string): string {
  return `${downloadBaseUrl.replace(/\/+$/, "")}/api/v1/jobs/${jobId}/file`;
}
