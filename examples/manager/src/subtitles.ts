import { randomUUID } from "node:crypto";
import { downloadQueue, jobId, type SubtitleFiles, type SubtitleStore, subtitleStatus } from "@example/contracts";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { message } from "@subtitles/queue";
import { create as contentDisposition } from "content-disposition";
import { z } from "zod";
import { Problem } from "./problems.js";
import type { Server } from "./server.js";

const listQuery = z.object({
  status: z.union([subtitleStatus, z.array(subtitleStatus)]).optional(),
  order: z.enum(["newest", "oldest"]).default("newest"),
  limit: z.coerce.number().int().min(1).max(200).default(20),
  cursor: z.string().max(1024).optional(),
});
const jobParams = z.object({ id: jobId });

export function subtitleRoutes(server: Server, { store, files }: { store: SubtitleStore; files: SubtitleFiles }): void {
  server.post("/subtitles", { schema: { body: subtitleJob.data } }, async (request, reply) => {
    const id = randomUUID();
    // One step: there is no moment in which the job exists and its message does not.
    const outbox = [message(downloadQueue, { jobId: id })];
    const { job } = await store.create(request.body, { id, by: "manager", outbox });
    return reply.code(201).header("location", `/subtitles/${id}`).send(job);
  });

  server.get("/subtitles", { schema: { querystring: listQuery } }, async (request) => {
    const [{ items, ...page }, counts] = await Promise.all([store.list(request.query), store.counts()]);
    return { items: items.map(({ history: _, ...job }) => job), ...page, counts };
  });

  server.get("/subtitles/:id", { schema: { params: jobParams } }, (request) => jobOr404(store, request.params.id));

  server.get("/subtitles/:id/file", { schema: { params: jobParams } }, async (request, reply) => {
    const job = await jobOr404(store, request.params.id);
    if (job.status !== "completed") {
      throw new Problem(409, job.error ? `The job failed: ${job.error.message}` : `The job is still ${job.status}.`);
    }
    const language = job.data.targetLanguage ?? job.data.language;
    const content = await files.read(job.id, language);
    if (!content) throw new Problem(404, "The job's file is no longer there.");
    return reply
      .type("application/x-subrip")
      .header("x-content-type-options", "nosniff")
      .header("content-disposition", contentDisposition(downloadName(job.data.videoTitle, language)))
      .send(content);
  });
}

async function jobOr404(store: SubtitleStore, id: string) {
  const job = await store.get(id);
  if (!job) throw new Problem(404, "There is no such job.");
  return job;
}

/** The name that video players look for beside a film, without what file systems refuse. */
function downloadName(videoTitle: string, language: string): string {
  const title = videoTitle
    .replace(/[\p{Control}\p{Surrogate}<>:"/\\|?*]+/gu, " ")
    .replace(/\s+/g, " ")
    .slice(0, 120)
    .replace(/^[\s.]+|[\s.]+$/g, "");
  return `${title || "subtitle"}.${language}.srt`;
}
