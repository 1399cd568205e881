// Requests of Node that a browser does not send, or whose connection ends early.

import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { serve } from "../src/lib/cli/dashboard-server.js";
import { openDashboard } from "./dashboard-client.js";

/** Serves a dashboard. `handled` has the promises of `handle`. */
async function start(options: Parameters<typeof openDashboard>[0] = {}) {
  const opened = openDashboard(options);
  const handled: Promise<void>[] = [];
  const responses: ServerResponse[] = [];
  const server = createServer((request, response) => {
    responses.push(response);
    handled.push(opened.dashboard.handle(request, response));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ...opened, handled, responses, port: (server.address() as AddressInfo).port };
}

const BROWSER = { "content-type": "application/json", "sec-fetch-site": "same-origin" };

/** Sends a request. Resolves with the reply, whose body is not read yet. */
async function call(port: number, options: Parameters<typeof send>[1], body = ""): Promise<IncomingMessage> {
  const request = send({ port, host: "127.0.0.1", method: "POST", headers: BROWSER, ...options });
  request.end(body);
  const [reply] = await once(request, "response");
  return reply;
}

/** Sends the text of a request. Resolves with all that the server sends. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(request);
  return text(socket);
}

test("a body that is too large is refused with a reply, also while it is sent", async () => {
  const { port } = await start();
  const reply = await call(port, { path: "/?call=jobs" }, JSON.stringify({ store: "x".repeat(3_000_000) }));
  expect(reply.statusCode).toBe(413);
  expect(await text(reply)).toContain("too large");
});

test.each(["OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND"])("the method %s is refused", async (method) => {
  const { port } = await start();
  const reply = await exchange(port, `${method} /?call=open HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n`);
  expect(reply).toMatch(/^HTTP\/1.1 405/);
  expect(reply.toLowerCase()).toContain("\r\nallow: get, head, post\r\n");
  expect(reply.toLowerCase()).not.toContain("access-control");
});

test("a tunnel is refused by the command line", async () => {
  const { dashboard } = openDashboard();
  await using server = await serve(dashboard, { host: "127.0.0.1", port: 0 });
  const request = "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  expect(await exchange(Number(new URL(server.url).port), request)).toMatch(
    /^HTTP\/1.1 405 [\s\S]*\r\nAllow: GET, HEAD, POST\r\n/,
  );
});

test("a body that does not end is refused with a reply, and the connection ends", async () => {
  const { port, handled } = await start();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const head =
    "POST /?call=open HTTP/1.1\r\nHost: host\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
  const socket = connect(port, "127.0.0.1");
  socket.write(head);
  const received = text(socket);
  await vi.waitUntil(() => handled.length > 0);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(socket.readableEnded).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await received).toMatch(/^HTTP\/1.1 408 [\s\S]*did not arrive in time/);
});

test.each(["//evil/", "/..%2f..%2f?asset=page.js", "/%00", "http://evil/?asset=page.js", "*", "/?a=b?asset=page.js"])(
  "the path %s has no meaning",
  async (path) => {
    const { port } = await start();
    const reply = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: a b@evil\r\nConnection: close\r\n\r\n`);
    expect(reply).toMatch(/^HTTP\/1.1 (200|4\d\d)/);
  },
);

test.each([
  [415, { "content-type": "text/plain" }],
  [403, { ...BROWSER, "sec-fetch-site": "cross-site" }],
  [413, BROWSER],
])("after a large body that was refused with the status %i, the connection is used again", async (status, headers) => {
  const { port } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const refused = await call(port, { path: "/?call=open", headers, agent }, "x".repeat(3_000_000));
  expect(refused.statusCode).toBe(status);
  await text(refused);
  const next = await call(port, { path: "/", method: "GET", agent });
  expect(next.statusCode).toBe(200);
  await text(next);
});

test("a method cannot be overridden", async () => {
  const { port, actions } = await start();
  const headers = { ...BROWSER, "x-http-method-override": "POST" };
  const reply = await call(port, { method: "GET", path: "/?call=act&_method=POST", headers });
  expect(reply.headers["content-type"]).toContain("text/html");
  expect(actions).toEqual([]);
});

test("a connection that ends before the reply ends the request", async () => {
  let decide = (_: boolean) => {};
  const may = vi.fn(
    () =>
      new Promise<boolean>((resolve) => {
        decide = resolve;
      }),
  );
  const { port, handled, responses } = await start({ may });
  const request = send({ port, host: "127.0.0.1", method: "POST", headers: BROWSER, path: "/?call=watch" });
  request.on("error", () => {});
  request.end(JSON.stringify({ store: "reports" }));
  await vi.waitFor(() => expect(may).toHaveBeenCalled());
  request.destroy();
  await vi.waitFor(() => expect(responses[0]?.destroyed).toBe(true));
  decide(true);
  await Promise.all(handled);
});

test("a page that reads nothing is left when its connection ends", async () => {
  const opened = await start();
  const watch = vi.spyOn(opened.store, "watch");
  const reply = await call(opened.port, { path: "/?call=watch" }, JSON.stringify({ store: "reports" }));
  reply.pause();
  await vi.waitFor(() => expect(watch).toHaveBeenCalled());
  reply.destroy();
  await Promise.all(opened.handled);
  expect(watch.mock.lastCall?.[1]?.signal?.aborted).toBe(true);
});

test("live updates of a closed store end at once", async () => {
  const { store, port } = await start();
  await store.close();
  const reply = await call(port, { path: "/?call=watch" }, JSON.stringify({ store: "reports" }));
  expect((await text(reply)).trim()).toBe("");
});

test.each([
  [200, "localhost:1"],
  [200, "LOCALHOST"],
  [200, "127.0.0.1"],
  [200, "127.0.0.2:99"],
  [200, "[::1]:80"],
  [403, "localhost.:80"],
  [403, "127.0.0.1.evil.example"],
  [403, "localhost@evil.example"],
  [403, "evil.example:127.0.0.1"],
  [403, "[::1].evil.example"],
  [403, "[::ffff:10.0.0.1]"],
  [403, "0.0.0.0"],
  [403, "2130706433"],
  [403, "evil.example"],
  [403, ""],
])("a dashboard on loopback replies %i to the host %j", async (expected, host) => {
  const { dashboard } = openDashboard();
  await using server = await serve(dashboard, { host: "127.0.0.1", port: 0 });
  const reply = await exchange(
    Number(new URL(server.url).port),
    `GET http://localhost/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  expect(reply).toMatch(`HTTP/1.1 ${expected} `);
});
