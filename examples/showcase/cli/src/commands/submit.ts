import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Api } from "../api.js";
import { usage } from "../exit.js";
import { type Job, job } from "../job.js";

export interface SubmitOptions {
  /** Address or path of the video. Missing if a subtitle is uploaded. */
  readonly video: string | undefined;
  /** Path of the subtitle to upload. */
  readonly file: string | undefined;
  readonly title: string | undefined;
  readonly language: string;
  readonly to: string | undefined;
  readonly sources: readonly string[];
}

export async function submit(api: Api, options: SubmitOptions): Promise<Job> {
  const { video, file, language, to } = options;
  if ((video === undefined) === (file === undefined)) throw usage("Give either a video, or a subtitle with --file.");
  if (file !== undefined && to === undefined) throw usage("--file needs --to: the language to translate it into.");
  const title = options.title ?? basename(decodeURIComponent(video ?? file ?? "")).replace(/\.[a-z\d]{2,4}$/i, "");
  const reply =
    file !== undefined
      ? await api.request(
          `/translations?${new URLSearchParams({ videoTitle: title, language, targetLanguage: to ?? "" })}`,
          {
            method: "POST",
            headers: { "content-type": "application/octet-stream" },
            body: await contentOf(file),
          },
        )
      : await api.request("/jobs", {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": randomUUID() },
          body: JSON.stringify({
            videoUrl: video,
            videoTitle: title,
            language,
            targetLanguage: to ?? null,
            preferredSources: options.sources,
          }),
        });
  return job.parse(await reply.json());
}

async function contentOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(file));
  } catch {
    throw usage(`${file} cannot be read.`);
  }
}
