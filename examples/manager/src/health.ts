import type { SubtitleStore } from "@example/contracts";
import type { Broker } from "@subtitles/queue";
import type { Server } from "./server.js";

/**
 * 503 where no job can be accepted. Without RabbitMQ the answer is 200 and "degraded": jobs are accepted, and their
 * messages wait in the outbox.
 */
export function healthRoute(server: Server, { store, broker }: { store: SubtitleStore; broker: Broker }): void {
  server.get("/health", async (_request, reply) => {
    const [jobs, queue] = await Promise.all([store.health(), broker.health()]);
    const unhealthy = jobs.status === "unhealthy";
    const healthy = jobs.status === "healthy" && queue.status === "healthy";
    const waiting = unhealthy ? null : await store.outbox.depth().catch(() => null);
    return reply.code(unhealthy ? 503 : 200).send({
      status: unhealthy ? "unhealthy" : healthy ? "healthy" : "degraded",
      store: jobs,
      queue,
      outbox: { waiting },
    });
  });
}
