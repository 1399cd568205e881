import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import type { Server } from "../api/typed-server.js";

export interface LimitOptions {
  /** Requests that one address may make in a minute. @default 600 */
  readonly requestsPerMinute?: number | undefined;
}

/** Headers that keep a browser from doing what no page of ours asks for, and a limit for each client. */
export async function limitAccess(server: Server, { requestsPerMinute = 600 }: LimitOptions): Promise<void> {
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Whether there is TLS, the proxy in front knows.
    strictTransportSecurity: false,
  });
  await server.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    // Orchestrators ask often, and must not be told to go away. The page is many small files, which cost nothing.
    allowList: ({ url }) => url === "/livez" || url === "/readyz" || /^\/(page|vendor)\//.test(url),
  });
}
