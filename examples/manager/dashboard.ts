import { createDashboard, type Dashboard } from "@subtitles/job-store/dashboard";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { Resources } from "../contracts/connect.js";
import { queues } from "../contracts/job.js";

/** Serves a page that shows all jobs, and why one does not move, at `/dashboard`. */
export function dashboardRoute(server: FastifyInstance, { store, broker }: Pick<Resources, "store" | "broker">): void {
  const dashboard = createDashboard({
    stores: { jobs: { store, broker, queues } },
    // Every client can read, and no client can change anything. Check here who sends the request before you permit more.
    may: (_request, action) => action === "read",
  });
  // An open page sends requests all the time, so they are not logged.
  void server.register(pluginOf(dashboard), { logLevel: "warn" });
}

/** Returns a plugin that serves a dashboard at `/dashboard`, and closes it together with the server. */
export function pluginOf(dashboard: Dashboard): FastifyPluginAsync {
  return async (scope) => {
    // The dashboard reads the bodies of its requests itself. Other routes of the server are not in this scope.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.all("/dashboard", (request, reply) => {
      reply.hijack();
      return dashboard.handle(request.raw, reply.raw);
    });
    scope.addHook("preClose", () => dashboard.close());
  };
}
