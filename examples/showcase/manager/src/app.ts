import {
  downloadQueue,
  type ProviderStates,
  type SubtitleFiles,
  type SubtitleStore,
  translateQueue,
} from "@showcase/contracts";
import { type Broker, createRelay } from "@subtitles/queue";
import { type LimitOptions, limitAccess } from "./access/limits.js";
import { requireToken } from "./access/token.js";
import { healthRoutes } from "./api/health.js";
import { describeApi } from "./api/openapi.js";
import { apiRoutes } from "./api/routes.js";
import { createServer, type ServerOptions } from "./api/server.js";
import type { Server } from "./api/typed-server.js";
import { serveDashboard } from "./dashboard.js";
import { startOrphanRemoval } from "./jobs/orphans.js";
import { createRequestMemory, type KeyStore } from "./jobs/request-memory.js";
import { type LiveOptions, liveRoutes } from "./live/routes.js";
import { metricsRoute } from "./metrics/metrics.js";
import { servePage } from "./page.js";

export { keysInMemory } from "./jobs/request-memory.js";

export interface ManagerOptions extends ServerOptions, LimitOptions, LiveOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
  readonly providers: ProviderStates;
  /** Storage of the `Idempotency-Key`s. */
  readonly keys: KeyStore;
  readonly host: string;
  /** Port to listen on. 0: a free port. */
  readonly port: number;
  /** Token that every call of the API needs. @default none: every client has access to the API */
  readonly token?: string | undefined;
}

export interface Manager extends AsyncDisposable {
  /** Address of the server, for example `http://127.0.0.1:3000`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the manager. The caller opens and closes the store and the broker. It replaces the manager of the templates: it also has
 * a page of its own, OpenAPI, a token, rate limits, uploads, and routes for queues and providers.
 */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { store, broker, log, host, port } = options;
  const orphans = startOrphanRemoval(options);
  const server = createServer(options);
  await limitAccess(server, options);
  await describeApi(server);
  await requireToken(server, options.token);
  metricsRoute(server, { store, broker, orphans });
  await server.register(
    async (api: Server) => {
      apiRoutes(api, { ...options, requests: createRequestMemory(options.keys) });
      liveRoutes(api, options);
    },
    { prefix: "/api/v1" },
  );
  healthRoutes(server, { store, broker });
  serveDashboard(server, options);
  await servePage(server);
  const url = await server.listen({ host, port });

  // Publishes the messages of accepted jobs from the outbox.
  const relay = createRelay({
    outbox: store.outbox,
    broker,
    queues: [downloadQueue, translateQueue],
    onError: (error) => log.warn({ err: error }, "relay: messages wait in the outbox"),
  });

  const close = async () => {
    await server.close();
    await orphans.close();
    await relay.close();
  };
  return { url, close, [Symbol.asyncDispose]: close };
}
