import { once } from "node:events";
import { createServer, type RequestListener, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { onTestFinished } from "vitest";
import type { Dashboard } from "../src/dashboard.js";

/** User that the applications of `MOUNTS` admit. */
export const USER = { username: "ann", password: "secret" };

/** Header of the requests of this user. */
export const AUTHORIZATION = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString("base64")}`;

/** Headers of the reply that asks for a user. */
const ASKS = { "www-authenticate": 'Basic realm="test"' };

/** Serves requests on a free port until the test ends. Returns the address, without a path. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function expressApp() {
  const app = express();
  app.use((request, response, next) => {
    if (request.headers.authorization === AUTHORIZATION) next();
    else response.status(401).set(ASKS).end();
  });
  return app;
}

/** Serves a dashboard under /a/b, behind Basic authentication of the application. Returns the address of the server. */
export type Mount = (dashboard: Dashboard) => Promise<string>;

export const MOUNTS = {
  http: (dashboard) =>
    serve((request, response) => {
      if (request.headers.authorization === AUTHORIZATION) void dashboard.handle(request, response);
      else response.writeHead(401, ASKS).end();
    }),
  Express: (dashboard) => {
    const app = expressApp();
    app.use("/a/b", (request, response) => void dashboard.handle(request, response));
    return serve(app);
  },
  "Express after express.json()": (dashboard) => {
    const app = expressApp();
    app.use(express.json());
    app.use("/a/b", (request, response) => void dashboard.handle(request, response));
    return serve(app);
  },
  Fastify: async (dashboard) => {
    const app = Fastify();
    app.addHook("onRequest", async (request, reply) => {
      if (request.headers.authorization !== AUTHORIZATION) await reply.code(401).headers(ASKS).send();
    });
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
      scope.all("/a/b", (request, reply) => {
        reply.hijack();
        return dashboard.handle(request.raw, reply.raw);
      });
    });
    onTestFinished(() => app.close());
    return app.listen({ port: 0, host: "127.0.0.1" });
  },
  Hono: (dashboard) => {
    const app = new Hono();
    app.use(basicAuth(USER));
    app.all("/a/b", (context) => dashboard.fetch(context.req.raw));
    return serve(webListener((request) => app.fetch(request)));
  },
  "a route of Next.js": (dashboard) => {
    const GET = (request: Request) => {
      if (request.headers.get("authorization") === AUTHORIZATION) return dashboard.fetch(request);
      return new Response(null, { status: 401, headers: ASKS });
    };
    return serve(webListener(GET));
  },
} satisfies Readonly<Record<string, Mount>>;

/** Serves a handler of Web requests, as the servers of such frameworks do. */
export function webListener(handler: (request: Request) => Response | Promise<Response>): RequestListener {
  return async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk);
    const headers = new Headers(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const hasBody = message.method !== "GET" && message.method !== "HEAD";
    const url = `http://${message.headers.host}${message.url}`;
    const stop = new AbortController();
    response.on("close", () => stop.abort());
    const init = { method: message.method ?? "GET", headers, signal: stop.signal };
    const reply = await handler(new Request(url, hasBody ? { ...init, body: Buffer.concat(chunks) } : init));
    response.writeHead(reply.status, Object.fromEntries(reply.headers));
    for await (const chunk of reply.body ?? []) response.write(chunk);
    response.end();
  };
}

/** Serves a proxy that replaces the host and rewrites the path. Returns its address. */
export function serveProxy(target: string, rewrite: (path: string) => string): Promise<string> {
  return serve((message, response) => {
    const headers = { ...message.headers, host: new URL(target).host, "x-forwarded-host": message.headers.host };
    // Browsers send this header only to secure origins.
    delete headers["sec-fetch-site"];
    const forwarded = send(`${target}${rewrite(message.url ?? "/")}`, { method: message.method, headers });
    forwarded.on("response", (reply) => {
      response.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(response);
    });
    response.on("close", () => forwarded.destroy());
    forwarded.on("error", () => response.destroy());
    message.pipe(forwarded);
  });
}
