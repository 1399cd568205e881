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
  id: z.int().describe("Number of the cue in its file"),
  startMs: z.int(),
  endMs: z.int(),
  source: z.string().nullable().describe("null: only the translation has this cue"),
  target: z.string().nullable().describe("null: no translation"),
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
            description: "The subtitle, in UTF-8, with the name that video players search",
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
      if (!content) throw new Problem(404, "NOT_FOUND", "The file of the job was removed.");
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
        summary: "Cues of the source and the target",
        description:
          "The cues of the files that exist: the source after the download, the target after the translation.",
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
