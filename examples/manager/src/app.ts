import {
  downloadQueue,
  type Log,
  type ProviderStates,
  type SubtitleFiles,
  type SubtitleStore,
  translateQueue,
} from "@example/contracts";
import { type Broker, createRelay } from "@subtitles/queue";
import { healthRoutes } from "./api/health.js";
import { describeApi } from "./api/openapi.js";
import { apiRoutes } from "./api/routes.js";
import { createServer, type Server } from "./api/server.js";
import { createRequestMemory, type KeyStore } from "./jobs/request-memory.js";
import { liveRoutes } from "./live/routes.js";

export { keysInMemory } from "./jobs/request-memory.js";

export interface ManagerOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
  readonly providers: ProviderStates;
  /** Where `Idempotency-Key`s are kept. */
  readonly keys: KeyStore;
  readonly log: Log;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface Manager extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  close(): Promise<void>;
}

/** The manager, on a store and a broker that the caller opened and will close. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { store, broker, log, host, port } = options;
  const server = createServer(log);
  await describeApi(server);
  await server.register(
    async (api: Server) => {
      apiRoutes(api, { ...options, requests: createRequestMemory(options.keys) });
      liveRoutes(api, { store, maxStreams: 200 });
    },
    { prefix: "/api/v1" },
  );
  healthRoutes(server, { store, broker });
  const url = await server.listen({ host, port });

  // Jobs are accepted into the outbox; this is what brings their messages to the workers.
  const relay = createRelay({
    outbox: store.outbox,
    broker,
    queues: [downloadQueue, translateQueue],
    onError: (error) => log.warn({ err: error }, "relay: the outbox waits"),
  });

  const close = async () => {
    await server.close();
    await relay.close();
  };
  return { url, close, [Symbol.asyncDispose]: close };
}
