import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifySchema } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { needsToken, SESSION_COOKIE } from "../access/token.js";
import { refusals } from "./problems.js";
import type { Server } from "./typed-server.js";

/** Serves the OpenAPI document of the routes' schemas at `/api/v1/openapi.json`, and a page that shows it at `/docs`. */
export async function describeApi(server: Server): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Subtitle service",
        version: "1",
        description:
          "Request subtitles, have them translated, and follow the status of each job. Errors are problem+json.",
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer", description: "The value of API_TOKEN, if the manager has one." },
          session: { type: "apiKey", in: "cookie", name: SESSION_COOKIE, description: "Set by POST /session." },
        },
      },
    },
    // A route without a schema is not in the document.
    transform: (route) =>
      jsonSchemaTransform({ ...route, schema: withAccess(route.schema ?? { hide: true }, route.url) }),
    transformObject: jsonSchemaTransformObject,
  });
  await server.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  server.get("/api/v1/openapi.json", { schema: { hide: true } }, () => server.swagger());
}

/** Adds to a route's schema its credentials, and the errors that every route with such input can return. */
function withAccess<S extends FastifySchema>(schema: S, url: string): S {
  if (schema.hide) return schema;
  const hasInput = Boolean(schema.params ?? schema.querystring ?? schema.body ?? schema.headers);
  const common = needsToken(url) ? [...(hasInput ? [400] : []), 401, 429] : [];
  return {
    ...schema,
    // `{}`: a manager without API_TOKEN needs no credentials.
    security: needsToken(url) ? [{ token: [] }, { session: [] }, {}] : [],
    response: { ...refusals(...common), ...(schema.response as object | undefined) },
  };
}
