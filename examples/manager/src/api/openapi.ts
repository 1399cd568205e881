import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { Server } from "./server.js";

/** The OpenAPI document, made from the routes' schemas, at `/api/v1/openapi.json`; and a page to read it at `/docs`. */
export async function describeApi(server: Server): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Subtitle service",
        version: "1",
        description: "Ask for subtitles, have them translated, and see how each job stands. Refusals are problem+json.",
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await server.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  server.get("/api/v1/openapi.json", { schema: { hide: true } }, () => server.swagger());
}
