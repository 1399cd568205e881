import { setTimeout as delay } from "node:timers/promises";
import { subtitleStatus } from "@showcase/contracts";
import { z } from "zod";

/** Fields of the manager's responses that the demo reads. */
const jobView = z.object({
  id: z.string(),
  status: subtitleStatus,
  progress: z.object({ done: z.number(), total: z.number() }).nullable(),
  error: z.object({ message: z.string(), code: z.string().nullish() }).nullable(),
  fileUrl: z.string().nullable(),
  /** Fields of the showcase, from its workers. */
  details: z.record(z.string(), z.unknown()).default({}),
  /** Fields of the templates. */
  result: z
    .object({ translation: z.object({ covered: z.number(), total: z.number() }).optional() })
    .nullable()
    .default(null),
  history: z.array(
    z.object({ to: z.string(), at: z.coerce.date(), by: z.string().nullish(), note: z.string().nullish() }),
  ),
});
export type JobView = z.output<typeof jobView>;

export interface Order {
  readonly videoUrl: string;
  readonly videoTitle: string;
  readonly language: string;
  readonly targetLanguage?: string;
}

export interface Client {
  /** Submits a job. It waits while the manager accepts no jobs. */
  submit(order: Order): Promise<JobView>;
  /** Returns a job, or null while the manager is unavailable. */
  get(id: string): Promise<JobView | null>;
  file(job: JobView): Promise<string>;
}

/** Creates a client of the manager. It only uses HTTP. */
export function createClient(url: string, signal: AbortSignal): Client {
  return {
    async submit(order) {
      for (;;) {
        const reply = await fetch(`${url}/api/v1/jobs`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(order),
          signal,
        });
        if (reply.ok) return jobView.parse(await reply.json());
        if (reply.status !== 503) throw new Error(`The manager answered ${reply.status}: ${await reply.text()}`);
        await delay(Number(reply.headers.get("retry-after") ?? 1) * 1000, undefined, { signal });
      }
    },
    async get(id) {
      const reply = await fetch(`${url}/api/v1/jobs/${id}`, { signal }).catch(() => null);
      signal.throwIfAborted();
      return reply?.ok ? jobView.parse(await reply.json()) : null;
    },
    async file(job) {
      const reply = await fetch(`${url}${job.fileUrl ?? `/api/v1/jobs/${job.id}/file`}`, { signal });
      if (!reply.ok) throw new Error(`No file for job ${job.id}: the manager answered ${reply.status}.`);
      return reply.text();
    },
  };
}
