import { type SubtitleFiles, type SubtitleStore, uploadUrl } from "@showcase/contracts";
import { decodeSubtitle, parseSubtitle } from "@showcase/contracts/subtitle";
import { z } from "zod";
import { jobIdFor } from "../jobs/identity.js";
import { submit } from "../jobs/submit.js";
import { sendSubmitted, submitted } from "./jobs.js";
import { language, videoTitle } from "./new-job.js";
import { refusals } from "./problems.js";
import type { Server } from "./typed-server.js";

/** Maximum size of an upload. The largest subtitles have a tenth of it. */
const UPLOAD_LIMIT_BYTES = 2 * 1024 * 1024;
const uploadTypes = ["application/x-subrip", "text/vtt", "text/plain", "application/octet-stream"];

export function translationRoutes(server: Server, parts: { store: SubtitleStore; files: SubtitleFiles }): void {
  server.addContentTypeParser(
    uploadTypes,
    { parseAs: "buffer", bodyLimit: UPLOAD_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  );

  server.post(
    "/translations",
    {
      bodyLimit: UPLOAD_LIMIT_BYTES,
      schema: {
        tags: ["jobs"],
        summary: "Upload a subtitle for translation",
        description: "The body is the file: SRT or WebVTT, in any encoding, up to 2 MiB.",
        consumes: uploadTypes,
        querystring: z
          .strictObject({
            videoTitle,
            language: language.describe("Language of the file"),
            targetLanguage: language.describe("Language of the translation"),
          })
          .refine(({ language, targetLanguage }) => language !== targetLanguage, {
            path: ["targetLanguage"],
            message: "must be another language than the file's",
          }),
        body: z
          .custom<Buffer>((body) => Buffer.isBuffer(body), "The body must be the subtitle file")
          .meta({ type: "string", format: "binary" }),
        response: { 201: submitted, 200: submitted, ...refusals(400, 413, 415, 422, 503) },
      },
    },
    async ({ body, query }, reply) => {
      // Checks the file now and not in the worker, so that the user can immediately choose another one.
      const { text } = decodeSubtitle(body, query.language);
      parseSubtitle(text);
      const data = { ...query, videoUrl: uploadUrl(body), preferredSources: [] };
      // Stores the file before the job, so that it exists when the worker starts. A file without a job causes no problem.
      await parts.files.save(jobIdFor(data), data.language, text);
      return sendSubmitted(reply, await submit(data, parts));
    },
  );
}
