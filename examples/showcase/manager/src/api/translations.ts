import { type SubtitleFiles, type SubtitleStore, uploadUrl } from "@showcase/contracts";
import { decodeSubtitle, parseSubtitle } from "@showcase/contracts/subtitle";
import { z } from "zod";
import { jobIdFor } from "../jobs/identity.js";
import { submit } from "../jobs/submit.js";
import { sendSubmitted, submitted } from "./jobs.js";
import { language, videoTitle } from "./new-job.js";
import { refusals } from "./problems.js";
import type { Server } from "./typed-server.js";

/** The largest subtitles are a tenth of this. */
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
        summary: "Upload a subtitle to be translated",
        description: "The body is the file as it is: SRT or WebVTT, in any encoding, up to 2 MiB.",
        consumes: uploadTypes,
        querystring: z
          .strictObject({
            videoTitle,
            language: language.describe("The language that the file is in"),
            targetLanguage: language.describe("The language to translate it into"),
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
      // Now rather than in a worker: the person is still there to choose another file.
      const { text } = decodeSubtitle(body, query.language);
      parseSubtitle(text);
      const data = { ...query, videoUrl: uploadUrl(body), preferredSources: [] };
      // First the file: a job whose message arrives finds it, and a file without its job does no harm.
      await parts.files.save(jobIdFor(data), data.language, text);
      return sendSubmitted(reply, await submit(data, parts));
    },
  );
}
