import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import cookie from "@fastify/cookie";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem, refusals } from "../api/problems.js";
import type { Server } from "../api/typed-server.js";

/** Name of the cookie that `POST /session` sets. */
export const SESSION_COOKIE = "session";

/** Returns true for the API and the metrics. Health, the OpenAPI document and the page need no token. */
export function needsToken(path: string): boolean {
  return /^\/(api|metrics)(\/|$)/.test(path) && path !== "/api/v1/openapi.json";
}

/**
 * If there is a token, every call of the API needs it: as `Authorization: Bearer`, or as the cookie that `POST /session` sets in
 * a browser, whose downloads and event streams cannot send headers. The cookie does not contain the token.
 */
export async function requireToken(server: Server, token: string | undefined): Promise<void> {
  const session = token === undefined ? "" : createHmac("sha256", token).update("session").digest("base64url");
  await server.register(cookie);

  const isAllowed = ({ headers, cookies }: FastifyRequest): boolean => {
    if (token === undefined) return true;
    const [scheme, given = ""] = (headers.authorization ?? "").split(/ (.*)/s);
    if (scheme?.toLowerCase() === "bearer" && same(given, token)) return true;
    return same(cookies[SESSION_COOKIE] ?? "", session);
  };

  server.get(
    "/session",
    {
      schema: {
        tags: ["session"],
        summary: "Check if a token is needed, and if this browser has a session",
        response: { 200: z.object({ required: z.boolean(), valid: z.boolean() }) },
      },
    },
    async (request) => ({ required: token !== undefined, valid: isAllowed(request) }),
  );

  server.post(
    "/session",
    {
      // Limits attempts, because a client can try to guess the token.
      config: { rateLimit: { max: 10, timeWindow: 60_000 } },
      schema: {
        tags: ["session"],
        summary: "Exchange the token for a cookie",
        body: z.object({ token: z.string().min(1).max(1000) }),
        response: { 204: z.undefined(), ...refusals(400, 401, 429) },
      },
    },
    async ({ body }, reply) => {
      if (token === undefined || !same(body.token, token)) throw wrongToken();
      return reply
        .setCookie(SESSION_COOKIE, session, { path: "/", httpOnly: true, sameSite: "strict" })
        .code(204)
        .send();
    },
  );

  server.addHook("onRequest", async (request, reply) => {
    const path = request.routeOptions.url ?? request.url;
    if (!needsToken(path) || isAllowed(request)) return;
    reply.header("www-authenticate", "Bearer");
    throw wrongToken();
  });
}

function wrongToken(): Problem {
  return new Problem(401, "UNAUTHENTICATED", "This needs the service's token (API_TOKEN): Authorization: Bearer …");
}

const key = randomBytes(32);

/** Compares two texts. The time does not depend on their content and length. */
function same(one: string, other: string): boolean {
  const digest = (text: string) => createHmac("sha256", key).update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
