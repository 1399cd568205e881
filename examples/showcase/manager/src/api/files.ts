import type { SubtitleFiles, SubtitleStore } from "@showcase/contracts";
import { convertSubtitle, formatSubtitle, parseSubtitle } from "@showcase/contracts/subtitle";
import { create as contentDisposition } from "content-disposition";
import { z } from "zod";
import { cuePairs } from "../jobs/cues.js";
import { subtitleName } from "../jobs/file-name.js";
import { jobOr404, jobParams } from "./jobs.js";
import { Problem, refusals } from "./problems.js";
import type { Server } from "./typed-server.js";

const tags = ["files"];
const mediaTypes = { srt: "application/x-subrip; charset=utf-8", vtt: "text/vtt; charset=utf-8" } as const;

const cue = z.object({
  id: z.int().describe("Numbers the cue within its file"),
  startMs: z.int(),
  endMs: z.int(),
  source: z.string().nullable().describe("null: only the translation has this cue"),
  target: z.string().nullable().describe("null: it has no translation (yet)"),
});

const cueList = z.object({
  language: z.string(),
  targetLanguage: z.string().nullable(),
  total: z.int(),
  items: z.array(cue),
});

export function fileRoutes(server: Server, { store, files }: { store: SubtitleStore; files: SubtitleFiles }): void {
  server.get(
    "/jobs/:id/file",
    {
      schema: {
        tags,
        summary: "The finished subtitle",
        params: jobParams,
        querystring: z.object({ format: z.enum(["srt", "vtt"]).default("srt") }),
        produces: ["application/x-subrip", "text/vtt"],
        response: {
          200: {
            description: "The subtitle, in UTF-8, under the name that video players look for",
            content: { "application/x-subrip": { schema: z.string() }, "text/vtt": { schema: z.string() } },
          },
          ...refusals(404, 409, 422, 503),
        },
      },
    },
    async ({ params, query: { format } }, reply) => {
      const job = await jobOr404(store, params.id);
      if (job.status !== "completed") {
        const why = job.error ? `The job failed: ${job.error.message}` : `The job is still ${job.status}.`;
        throw new Problem(409, "WRONG_STATUS", why);
      }
      const language = job.data.targetLanguage ?? job.data.language;
      const content = await files.read(job.id, language);
      if (!content) throw new Problem(404, "NOT_FOUND", "The job's file is no longer there.");
      return reply
        .type(mediaTypes[format])
        .header("content-disposition", contentDisposition(subtitleName(job.data.videoTitle, language, format)))
        .send(formatSubtitle(convertSubtitle(parseSubtitle(content), format)));
    },
  );

  server.get(
    "/jobs/:id/cues",
    {
      schema: {
        tags,
        summary: "Source and target cues side by side",
        description: "As far as there are files: the source once it is found, the target once it is finished.",
        params: jobParams,
        querystring: z.object({
          offset: z.coerce.number().int().min(0).default(0),
          limit: z.coerce.number().int().min(1).max(1000).default(200),
        }),
        response: { 200: cueList, ...refusals(404, 422, 503) },
      },
    },
    async ({ params, query: { offset, limit } }) => {
      const job = await jobOr404(store, params.id);
      const { language, targetLanguage } = job.data;
      const pairs = await cuePairs(job, files);
      return { language, targetLanguage, total: pairs.length, items: pairs.slice(offset, offset + limit) };
    },
  );
}
