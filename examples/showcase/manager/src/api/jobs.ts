import {
  isUpload,
  jobId,
  type SubtitleFiles,
  type SubtitleJob,
  type SubtitleStore,
  subtitleStatus,
} from "@showcase/contracts";
import type { Job, ListQuery } from "@subtitles/job-store";
import { z } from "zod";
import { cancelJob } from "../jobs/cancel.js";
import { removeJob } from "../jobs/remove.js";
import type { RequestMemory } from "../jobs/request-memory.js";
import { retryJob } from "../jobs/resume.js";
import { SEARCHED_AT_MOST, search, titleMatches } from "../jobs/search.js";
import { type Submitted, submit } from "../jobs/submit.js";
import { language, newJob } from "./new-job.js";
import { Problem, refusals } from "./problems.js";
import type { Server } from "./typed-server.js";
import { detailOf, jobDetail, jobSummary, summaryOf } from "./views.js";

export interface JobRoutesOptions {
  readonly store: SubtitleStore;
  readonly files: SubtitleFiles;
  readonly requests: RequestMemory;
}

const tags = ["jobs"];
export const jobParams = z.object({ id: jobId });

const listQuery = z.object({
  status: z
    .union([subtitleStatus, z.array(subtitleStatus)], `must be one of ${subtitleStatus.options.join(", ")}`)
    .optional()
    .describe("Repeatable"),
  language: language.optional(),
  targetLanguage: language.optional(),
  q: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .describe(`Words of the title, searched in the newest ${SEARCHED_AT_MOST} jobs`),
  order: z.enum(["newest", "oldest"]).default("newest"),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional().describe("Cursor of the previous page"),
});

const jobList = z.object({
  items: z.array(jobSummary),
  cursor: z.string().nullable().describe("Cursor of the next page; null: this is the last one, or a search"),
  unreadable: z.array(z.object({ id: z.string(), reason: z.string() })).describe("Jobs whose record is damaged"),
  search: z
    .object({ searched: z.int(), more: z.boolean() })
    .nullable()
    .describe("Number of searched jobs, and if there are others; null: no search"),
});

export const submitted = jobDetail
  .extend({
    outcome: z
      .enum(["created", "existing", "restarted"])
      .describe("existing: the same work is in progress or completed. restarted: it had failed, and is tried again"),
  })
  .meta({ id: "SubmittedJob" });

export function jobRoutes(server: Server, { store, files, requests }: JobRoutesOptions): void {
  server.post(
    "/jobs",
    {
      schema: {
        tags,
        summary: "Request a subtitle",
        description:
          "The same video, language and target return the existing job (200). An `Idempotency-Key` belongs to its first request for a day.",
        headers: z.object({ "idempotency-key": z.string().min(1).max(255).optional() }),
        body: newJob,
        response: { 201: submitted, 200: submitted, ...refusals(400, 413, 415, 422, 503) },
      },
    },
    async (request, reply) => {
      const key = request.headers["idempotency-key"];
      const firstSeen = key === undefined ? null : await requests.firstSeen(key, request.body);
      return sendSubmitted(reply, await submit(request.body, { store, files, firstSeen }));
    },
  );

  server.get(
    "/jobs",
    {
      schema: {
        tags,
        summary: "List jobs",
        description: "With a status: ordered by the time at which they entered it. Otherwise by creation.",
        querystring: listQuery,
        response: { 200: jobList, ...refusals(400, 503) },
      },
    },
    async ({ query: { q, limit, language, targetLanguage, cursor, status, order } }) => {
      const query: ListQuery<SubtitleJob> = { status, order, where: whereOf(language, targetLanguage) };
      const wanted = [
        ...(q ? [titleMatches(q)] : []),
        // The index supports one field per query.
        ...(language && targetLanguage ? [(job: Job<SubtitleJob>) => job.data.targetLanguage === targetLanguage] : []),
      ];
      if (wanted.length === 0) {
        const page = await store.list({ ...query, limit, cursor });
        return {
          items: page.items.map(summaryOf),
          cursor: page.cursor ?? null,
          unreadable: [...page.unreadable],
          search: null,
        };
      }
      if (cursor !== undefined)
        throw new Problem(400, "INVALID_REQUEST", "A search has one page: leave out the cursor.");
      const { items, ...about } = await search(store, query, (job) => wanted.every((matches) => matches(job)), limit);
      return { items: items.map(summaryOf), cursor: null, unreadable: [], search: about };
    },
  );

  server.get(
    "/counts",
    {
      schema: {
        tags,
        summary: "Jobs by status",
        response: { 200: z.record(subtitleStatus, z.int()), ...refusals(503) },
      },
    },
    () => store.counts(),
  );

  server.get(
    "/jobs/:id",
    {
      schema: {
        tags,
        summary: "A job, with its history",
        params: jobParams,
        response: { 200: jobDetail, ...refusals(404, 503) },
      },
    },
    async (request) => detailOf(await jobOr404(store, request.params.id)),
  );

  server.post(
    "/jobs/:id/retry",
    {
      schema: {
        tags,
        summary: "Try a failed job again",
        description:
          "Continues after the last completed stage: a file that was downloaded is used again, unless `fromStart` is true.",
        params: jobParams,
        body: z.strictObject({ fromStart: z.boolean().default(false) }).nullish(),
        response: { 200: jobDetail, ...refusals(404, 409, 503) },
      },
    },
    async ({ params, body }) => {
      const job = await jobOr404(store, params.id);
      if (job.status !== "failed") {
        throw new Problem(409, "WRONG_STATUS", `Only a failed job can be tried again, and this one is ${job.status}.`);
      }
      const fromStart = body?.fromStart ?? false;
      if (fromStart && isUpload(job.data)) {
        throw new Problem(409, "WRONG_STATUS", "This subtitle was uploaded, so it cannot be searched again.");
      }
      return detailOf(await retryJob(job, { store, files }, { by: "manager", fromStart }));
    },
  );

  server.post(
    "/jobs/:id/cancel",
    {
      schema: {
        tags,
        summary: "Cancel a job",
        description: "The job fails at once with the code CANCELLED, and its worker stops. It can be tried again.",
        params: jobParams,
        response: { 200: jobDetail, ...refusals(404, 409, 503) },
      },
    },
    async ({ params }) => {
      const { job, cancelled } = await cancelJob(store, params.id, "manager");
      if (!cancelled) throw new Problem(409, "WRONG_STATUS", `There is nothing to cancel: the job is ${job.status}.`);
      return detailOf(job);
    },
  );

  server.delete(
    "/jobs/:id",
    {
      schema: {
        tags,
        summary: "Delete a job that has ended, and its files",
        params: jobParams,
        response: { 204: z.undefined(), ...refusals(404, 409, 503) },
      },
    },
    async ({ params }, reply) => {
      const job = await jobOr404(store, params.id);
      if (job.status !== "completed" && job.status !== "failed") {
        throw new Problem(409, "WRONG_STATUS", `The job is still ${job.status}: cancel it first.`);
      }
      await removeJob(job, { store, files });
      return reply.code(204).send();
    },
  );
}

export function sendSubmitted<
  R extends {
    code(status: 200 | 201): R;
    header(name: string, value: string): R;
    send(body: z.output<typeof submitted>): R;
  },
>(reply: R, { job, outcome }: Submitted): R {
  return reply
    .code(outcome === "created" ? 201 : 200)
    .header("location", `/api/v1/jobs/${job.id}`)
    .send({ ...detailOf(job), outcome });
}

export async function jobOr404(store: SubtitleStore, id: string): Promise<Job<SubtitleJob>> {
  const job = await store.get(id);
  if (!job) throw new Problem(404, "NOT_FOUND", "There is no such job.");
  return job;
}

function whereOf(language?: string, targetLanguage?: string) {
  if (language !== undefined) return { language };
  return targetLanguage === undefined ? undefined : { targetLanguage };
}
