import { downloadQueue, type Log, type SubtitleFiles, type SubtitleStore, translateQueue } from "@example/contracts";
import { type Broker, createRelay } from "@subtitles/queue";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { healthRoute } from "./health.js";
import { answerWithProblems } from "./problems.js";
import { subtitleRoutes } from "./subtitles.js";

export interface ManagerOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
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
export async function startManager({ store, broker, files, log, host, port }: ManagerOptions): Promise<Manager> {
  const server = Fastify({ loggerInstance: log, bodyLimit: 64 * 1024 }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  answerWithProblems(server);
  subtitleRoutes(server, { store, files });
  healthRoute(server, { store, broker });
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
