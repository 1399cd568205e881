import type { Log } from "@example/contracts";
import Fastify, {
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { answerBrokenAddress, answerBrokenRequest, answerWithProblems } from "./problems.js";

/** Fastify with zod schemas, so that a route's handler sees what its schema parsed. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  Log,
  ZodTypeProvider
>;

const BODY_LIMIT_BYTES = 64 * 1024;

export interface ServerOptions {
  readonly log: Log;
  /** Milliseconds that a whole request has to arrive, body included. @default 30_000 */
  readonly requestMs?: number | undefined;
  /** At a time; more are closed at once. @default 1000 */
  readonly maxConnections?: number | undefined;
}

/** An HTTP server whose every refusal is a problem, and which no single client can occupy. */
export function createServer({ log, requestMs = 30_000, maxConnections = 1000 }: ServerOptions): Server {
  const server = Fastify({
    loggerInstance: log,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: requestMs,
    http: { headersTimeout: requestMs, connectionsCheckingInterval: requestMs / 2 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBrokenAddress,
    // Addresses in X-Forwarded-For are whatever a client wrote.
    trustProxy: false,
    genReqId: () => crypto.randomUUID(),
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>();
  server.server.maxConnections = maxConnections;
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  answerWithProblems(server);
  return server;
}
