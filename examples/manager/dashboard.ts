import { createDashboard } from "@subtitles/job-store/dashboard";
import type { FastifyInstance } from "fastify";
import type { Resources } from "../contracts/connect.js";
import { definition, queues } from "../contracts/job.js";

/** Serves a page that shows all jobs, and why one does not move, at `/dashboard`. */
export function dashboardRoute(server: FastifyInstance, { store, broker }: Pick<Resources, "store" | "broker">): void {
  const dashboard = createDashboard({
    title: definition.name,
    stores: { jobs: { store, broker, queues } },
    // Every client can read, and no client can change anything. Check here who sends the request before you permit more.
    may: (_request, action) => action === "read",
  });
  server.addHook("preClose", () => dashboard.close());
  void server.register(async (scope) => {
    // The dashboard reads the bodies of its requests itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.all("/dashboard", (request, reply) => {
      reply.hijack();
      return dashboard.handle(request.raw, reply.raw);
    });
  });
}
