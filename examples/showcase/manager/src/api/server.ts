import type { Socket } from "node:net";
import type { Log } from "@showcase/contracts";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { answerBrokenAddress, answerBrokenRequest, answerWithProblems } from "./problems.js";
import type { Server } from "./typed-server.js";

const BODY_LIMIT_BYTES = 64 * 1024;

export interface ServerOptions {
  readonly log: Log;
  /**
   * Time limit for the arrival of a whole request with its body, in milliseconds. A connection without traffic is closed
   * after twice this time.
   * @default 30_000
   */
  readonly requestMs?: number | undefined;
  /** Maximum number of open connections. More are closed at once. @default 1000 */
  readonly maxConnections?: number | undefined;
  /** Maximum number of open connections of one client address. More are closed at once. @default 250 */
  readonly maxConnectionsPerAddress?: number | undefined;
}

/** Creates an HTTP server that answers every error with a problem, and that one client cannot occupy alone. */
export function createServer(options: ServerOptions): Server {
  const { log, requestMs = 30_000, maxConnections = 1000, maxConnectionsPerAddress = 250 } = options;
  const server = Fastify({
    loggerInstance: log,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: requestMs,
    // Longer than the time limit of a request, which is answered with 408.
    connectionTimeout: 2 * requestMs,
    keepAliveTimeout: requestMs,
    http: { headersTimeout: requestMs, connectionsCheckingInterval: requestMs / 2 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBrokenAddress,
    // Ignores the addresses in X-Forwarded-For, because clients can write any.
    trustProxy: false,
    genReqId: () => crypto.randomUUID(),
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>();
  server.server.maxConnections = maxConnections;
  limitAddresses(server, maxConnectionsPerAddress);
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  answerWithProblems(server);
  return server;
}

/** Closes a new connection if its address has `max` open connections. */
function limitAddresses(server: Server, max: number): void {
  const open = new Map<string, number>();
  server.server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = open.get(address) ?? 0;
    if (count >= max) {
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}
