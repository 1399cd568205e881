import type { SubtitleStore } from "@showcase/contracts";
import type { Broker } from "@subtitles/queue";
import { z } from "zod";
import { outboxCounts } from "./outbox-counts.js";
import type { Server } from "./typed-server.js";

const readiness = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  store: z.looseObject({ status: z.string(), warnings: z.array(z.string()) }),
  queue: z.looseObject({ status: z.string(), warnings: z.array(z.string()) }),
  outbox: z
    .object({ waiting: z.int().nullable(), scheduled: z.int().nullable(), rejected: z.int().nullable() })
    .describe("Messages that are not published: to publish now, not due yet, and rejected. null: unknown"),
});

const UNKNOWN = { waiting: null, scheduled: null, rejected: null };

const tags = ["health"];

/**
 * Live: the process answers. Ready: 503 if no job can be accepted. Without RabbitMQ, the response is 200 and "degraded": jobs are
 * accepted, and their messages wait in the outbox.
 */
export function healthRoutes(server: Server, { store, broker }: { store: SubtitleStore; broker: Broker }): void {
  server.get(
    "/livez",
    {
      schema: {
        tags,
        summary: "Check that the process answers",
        response: { 200: z.object({ status: z.literal("ok") }) },
      },
    },
    async () => ({ status: "ok" as const }),
  );

  server.get(
    "/readyz",
    { schema: { tags, summary: "Check that jobs are accepted", response: { 200: readiness, 503: readiness } } },
    async (_request, reply) => {
      const [jobs, queue] = await Promise.all([store.health(), broker.health()]);
      const unhealthy = jobs.status === "unhealthy";
      const healthy = jobs.status === "healthy" && queue.status === "healthy";
      const outbox = unhealthy ? UNKNOWN : await outboxCounts(store).catch(() => UNKNOWN);
      return reply.code(unhealthy ? 503 : 200).send({
        status: unhealthy ? "unhealthy" : healthy ? "healthy" : "degraded",
        store: { ...jobs, warnings: [...jobs.warnings] },
        queue: { ...queue, warnings: [...queue.warnings] },
        outbox,
      });
    },
  );
}
