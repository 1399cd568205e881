import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeWhole } from "../../../contracts/files.js";
import { jobId } from "./queues.js";
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
  /** The jobs all of whose files were last written at least so long ago, in milliseconds. */
  list(options: { readonly olderThanMs: number }): Promise<readonly string[]>;
  /** All of a job's files. Those that are not there are no fault. */
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
      // First, so that there are never two: without either, the job is not done yet.
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

/** A job's file, or what a crash left of one; the folder may hold other things as well. */
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

/** As `Date.now()` has it. One that was removed meanwhile counts as new: whoever removed it knows more. */
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
