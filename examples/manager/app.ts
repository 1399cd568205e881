import { createRelay } from "@subtitles/queue";
import Fastify, { type FastifyBaseLogger } from "fastify";
import { z } from "zod";
import type { Resources } from "../contracts/connect.js";
import { queues } from "../contracts/job.js";
import { dashboardRoute } from "./dashboard.js";
import { eventRoute } from "./events.js";
import { jobRoutes } from "./jobs.js";
import type { Metrics } from "./metrics.js";
import { answerErrors } from "./problems.js";

export const managerSettings = {
  /** Address to listen on. With 0.0.0.0, other machines have access. Then put a proxy with authentication in front of it. */
  HOST: z.string().default("127.0.0.1"),
  /** Port to listen on. 0: a free port. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe("a port, 0 to 65535"),
};

/** Running manager. */
export interface Manager {
  /** Address of the server, for example `http://127.0.0.1:3000`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the HTTP API, and the relay that publishes the messages of stored jobs. */
export async function startManager(
  { store, broker, files, log, metrics }: Resources & { readonly metrics: Metrics },
  { HOST: host, PORT: port }: z.output<z.ZodObject<typeof managerSettings>>,
): Promise<Manager> {
  const loggerInstance: FastifyBaseLogger = log;
  const server = Fastify({ loggerInstance, genReqId: () => crypto.randomUUID(), bodyLimit: 64 * 1024 });
  answerErrors(server);
  await server.register(
    async (api) => {
      jobRoutes(api, { store, files });
      eventRoute(api, store);
    },
    { prefix: "/api/v1" },
  );
  dashboardRoute(server, { store, broker });

  // Live: the process answers. Ready: jobs are accepted. This is also true without RabbitMQ: their messages wait in the store.
  server.get("/livez", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const [jobs, messages] = await Promise.all([store.health(), broker.health()]);
    return reply
      .code(jobs.status === "unhealthy" ? 503 : 200)
      .send({ status: jobs.status, store: jobs, queue: messages });
  });
  server.get("/metrics", async (_request, reply) => reply.type("text/plain; version=0.0.4").send(await metrics.read()));

  const url = await server.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Error(`Another process uses port ${port} of ${host}. Stop it, or set PORT to another port.`);
  });
  const onError = (error: unknown) => log.warn({ err: error }, "relay");
  const relay = createRelay({ outbox: store.outbox, broker, queues, onError });
  return {
    url,
    async close() {
      await server.close();
      await relay.close();
    },
  };
}
