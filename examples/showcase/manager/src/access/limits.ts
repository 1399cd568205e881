import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import type { Server } from "../api/typed-server.js";

export interface LimitOptions {
  /** Number of requests per minute for each address. @default 600 */
  readonly requestsPerMinute?: number | undefined;
}

/** Sets headers that prevent actions in the browser that the page does not need, and a limit for each client. */
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
    // No HSTS: only the proxy in front of this server knows if there is TLS.
    strictTransportSecurity: false,
  });
  await server.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    // No limit for the health routes, which orchestrators call often, and for the page, which consists of many small files.
    allowList: ({ url }) => url === "/livez" || url === "/readyz" || /^\/(page|vendor)\//.test(url),
  });
}
