import { idFrom, type Job, type StatusOf } from "@subtitles/job-store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Resources } from "../contracts/connect.js";
import { COMPLETED, type Definition, definition, FAILED, type Store, WAITING } from "../contracts/job.js";
import { Problem } from "./problems.js";

const by = "manager";

type Status = StatusOf<Definition>;
const listQuery = z.object({
  status: z.custom<Status>((name) => Object.hasOwn(definition.statuses, String(name)), "no such status").optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1000).optional(),
});

/** Adds the routes of the jobs. They name no field of the data, so they are the same for every kind of job. */
export function jobRoutes(api: FastifyInstance, { store, files }: Pick<Resources, "store" | "files">): void {
  // The id is computed from the request. So the store creates one job, even if the request is repeated.
  api.post("/jobs", async ({ body }, reply) => {
    const data = definition.data.parse(body);
    const { job, created } = await store.create(data, { id: idFrom(data), by });
    return reply
      .code(created ? 201 : 200)
      .header("location", addressOf(job.id))
      .send(viewOf(job));
  });

  api.get("/jobs", async ({ query }) => {
    const { items, cursor = null } = await store.list(listQuery.parse(query));
    return { items: items.map(viewOf), cursor };
  });

  api.get<IdParams>("/jobs/:id", async ({ params }) => viewOf(await jobOr404(store, params.id)));

  // Both requests can be repeated. The worker of a cancelled job stops after its next heartbeat, and the store rejects its outcome.
  api.post<IdParams>("/jobs/:id/cancel", async ({ params }) => {
    const error = { code: "CANCELLED", message: "Cancelled on request.", retryable: true };
    return viewOf(await store.updateStatus(params.id, FAILED, { error, by }));
  });

  api.post<IdParams>("/jobs/:id/retry", async ({ params }) =>
    viewOf(await store.updateStatus(params.id, WAITING, { by })),
  );

  api.get<IdParams>("/jobs/:id/file", async ({ params }, reply) => {
    const job = await jobOr404(store, params.id);
    if (job.status !== COMPLETED || job.result === null) {
      throw new Problem(409, "NOT_COMPLETED", `The job is ${job.status}. Its file exists when it is ${COMPLETED}.`);
    }
    const content = await files.read(job.result.file);
    if (content === null) throw new Problem(404, "FILE_REMOVED", "The file was removed from the storage folder.");
    return reply
      .type("text/plain; charset=utf-8")
      .header("content-disposition", `attachment; filename="${job.result.file}"`)
      .send(content);
  });
}

/** Returns a job. @throws Problem 404; JobStoreError UNAVAILABLE */
export async function jobOr404(store: Store, id: string): Promise<Job<Definition>> {
  const job = await store.get(id);
  if (job === null) throw new Problem(404, "NOT_FOUND", "There is no such job.");
  return job;
}

/** Parameters of the routes of one job. */
export interface IdParams {
  readonly Params: { readonly id: string };
}

/** Returns the representation of a job in the API. */
export function viewOf(job: Job<Definition>) {
  const { id, status, attempt, data, progress, result, error, createdAt, updatedAt } = job;
  const history = job.history.map(({ from, to, at, by, note }) => ({ from, to, at, by, note }));
  const fileUrl = status === COMPLETED ? `${addressOf(id)}/file` : null;
  return { id, status, attempt, data, progress, result, error, fileUrl, createdAt, updatedAt, history };
}

function addressOf(id: string): string {
  return `/api/v1/jobs/${id}`;
}
