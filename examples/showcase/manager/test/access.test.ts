import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { film, startRig } from "./rig.js";

const token = "correct horse battery staple";
const bearer = { authorization: `Bearer ${token}` };

test("with a token, every call needs it", async () => {
  const { get, post } = await startRig({ token });
  for (const path of ["/api/v1/jobs", "/api/v1/events", "/api/v1/queues", "/metrics"]) {
    const refused = await get(path);
    expect([path, refused.status, await refused.json()]).toMatchObject([path, 401, { code: "UNAUTHENTICATED" }]);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    const allowed = await get(path, { headers: bearer, signal: AbortSignal.timeout(60_000) });
    expect([path, allowed.status]).toEqual([path, 200]);
    await allowed.body?.cancel();
  }
  expect((await post("/api/v1/jobs", film)).status).toBe(401);
  expect((await post("/api/v1/jobs", film, { authorization: `Bearer ${token}x` })).status).toBe(401);
  expect((await post("/api/v1/jobs", film, { authorization: token })).status).toBe(401);
  expect((await post("/api/v1/jobs", film, bearer)).status).toBe(201);
});

test("health and the OpenAPI document need no token", async () => {
  const { get } = await startRig({ token });
  for (const path of ["/livez", "/readyz", "/docs/", "/api/v1/openapi.json"]) {
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  }
});

test("no notation of an address avoids the token", async () => {
  const { get } = await startRig({ token });
  for (const path of [
    "/api/v1/jobs/",
    "//api/v1/jobs",
    "/API/v1/jobs",
    "/api/v1/./jobs",
    "/%61pi/v1/jobs",
    "/x/../api/v1/jobs",
  ]) {
    expect([path, [401, 404].includes((await get(path)).status)]).toEqual([path, true]);
  }
});

test("a browser exchanges the token for a cookie that is not the token", async () => {
  const { get, post } = await startRig({ token });
  expect(await (await get("/session")).json()).toEqual({ required: true, valid: false });
  expect((await post("/session", { token: "wrong" })).status).toBe(401);
  const reply = await post("/session", { token });
  const cookie = reply.headers.get("set-cookie") ?? "";
  expect([reply.status, cookie]).toEqual([204, expect.stringMatching(/; HttpOnly; SameSite=Strict$/)]);
  expect(decodeURIComponent(cookie)).not.toContain(token);
  const headers = { cookie: cookie.split(";")[0] ?? "" };
  expect((await get("/api/v1/jobs", { headers })).status).toBe(200);
  expect((await get("/api/v1/jobs", { headers: { cookie: "session=made-up" } })).status).toBe(401);
  expect(await (await get("/session", { headers })).json()).toEqual({ required: true, valid: true });
});

test("without a token set, none is needed", async () => {
  const { get } = await startRig();
  expect(await (await get("/session")).json()).toEqual({ required: false, valid: true });
});

test("the requests of one address are limited, except those of an orchestrator", async () => {
  const { get } = await startRig({ requestsPerMinute: 3 });
  for (let n = 0; n < 3; n += 1) expect((await get("/api/v1/counts")).status).toBe(200);
  const refused = await get("/api/v1/counts", { headers: { "x-forwarded-for": "192.0.2.1" } });
  expect([refused.status, await refused.json()]).toMatchObject([429, { code: "TOO_MANY_REQUESTS" }]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await get("/livez")).status).toBe(200);
});

test("an address that tries ten wrong tokens has to wait", async () => {
  const { post } = await startRig({ token });
  for (let n = 0; n < 10; n += 1) expect((await post("/session", { token: "wrong" })).status).toBe(401);
  expect((await post("/session", { token })).status).toBe(429);
});

test("a connection above the maximum is closed, and the end of one allows another", async () => {
  const { manager, get } = await startRig({ maxConnections: 1 });
  const { hostname, port } = new URL(manager.url);
  const first = connect(Number(port), hostname);
  await once(first, "connect");
  await expect(get("/livez")).rejects.toThrow();
  first.destroy();
  await expect.poll(() => get("/livez").then(({ status }) => status, String)).toBe(200);
});

/** Opens a connection that does not close itself, sends the text, and reads nothing. */
async function silent(url: string, text: string, localAddress = "127.0.0.1"): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, localAddress, allowHalfOpen: true });
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  return socket;
}

test.each([
  ["sends nothing", ""],
  ["stops within the head", "GET /api/v1/jobs HTTP/1.1\r\nhost: x\r\n"],
  [
    "stops within the body",
    "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  ],
  ["sends no HTTP", "what is this\r\n\r\n"],
  ["reads no answer and sends no second request", "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"],
])("the connection of a client that %s is closed", async (_what, text) => {
  const { manager, get } = await startRig({ maxConnections: 1, requestMs: 300 });
  await silent(manager.url, text);
  await expect.poll(() => get("/livez").then(({ status }) => status, String)).toBe(200);
});

test("one address cannot use all connections", async () => {
  const { manager, get } = await startRig({ maxConnectionsPerAddress: 2 });
  const other = await silent(manager.url, "", "127.0.0.2");
  const first = await silent(manager.url, "");
  const second = await silent(manager.url, "");
  await expect(get("/livez")).rejects.toThrow();
  first.destroy();
  await expect.poll(() => get("/livez").then(({ status }) => status, String)).toBe(200);
  expect([other.destroyed, second.destroyed]).toEqual([false, false]);
});

test("the headers allow only scripts of this server", async () => {
  const { get } = await startRig();
  const { headers } = await get("/api/v1/jobs");
  const policy = headers.get("content-security-policy")?.split(";") ?? [];
  expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]));
  expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("x-frame-options")).toBe("SAMEORIGIN");
});

test.each([
  [400, "application/json", "{"],
  [400, "application/json", ""],
  [400, "application/json", JSON.stringify([film])],
  [
    400,
    "application/json",
    `{"__proto__":{"admin":true},"videoUrl":"https://films.example/1","videoTitle":"1","language":"en"}`,
  ],
  [400, "application/json", `{"constructor":{"prototype":{"admin":true}},"videoUrl":"https://films.example/1"}`],
  [413, "application/json", JSON.stringify({ ...film, videoTitle: "x".repeat(100_000) })],
  [415, "application/xml", "<job/>"],
  [415, "multipart/form-data; boundary=x", "--x--"],
  [400, "text/plain", "no job"],
])("a body is rejected with %i: %s %j", async (status, type, body) => {
  const { store, manager } = await startRig();
  const reply = await fetch(`${manager.url}/api/v1/jobs`, { method: "POST", headers: { "content-type": type }, body });
  expect([reply.status, reply.headers.get("content-type")]).toEqual([
    status,
    expect.stringContaining("application/problem+json"),
  ]);
  expect(await store.counts()).toMatchObject({ pending: 0 });
  expect({}).not.toHaveProperty("admin");
});

/** Returns the server's response to these bytes, until it closes the connection. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("bytes that are not HTTP are answered with a problem, and the connection is closed", async () => {
  const { manager, get } = await startRig();
  const answer = await raw(manager.url, "what is this\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain("application/problem+json");
  expect(await raw(manager.url, `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(40_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431 /,
  );
  expect((await get("/livez")).status).toBe(200);
});

test("a body that does not arrive in time is answered with 408", async () => {
  const { manager } = await startRig({ requestMs: 300 });
  const head =
    "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
  expect(await raw(manager.url, head)).toMatch(/^HTTP\/1.1 408 /);
});

test.each(["%E0%A4%A", "a".repeat(500)])(
  "an address that cannot be decoded is rejected with a problem: %s",
  async (id) => {
    const { get } = await startRig();
    const reply = await get(`/api/v1/jobs/${id}`);
    expect([reply.status, await reply.json()]).toMatchObject([400, { code: "INVALID_REQUEST" }]);
    expect(reply.headers.get("content-type")).toContain("application/problem+json");
  },
);

test("the dashboard needs the token, and links each job to its page", async () => {
  const { get, post } = await startRig({ token });
  const { id } = (await (await post("/api/v1/jobs", film, bearer)).json()) as { id: string };
  expect((await get("/dashboard")).status).toBe(200);
  expect((await post("/dashboard?call=job", { store: "subtitles", id })).status).toBe(401);
  const shown = await post("/dashboard?call=job", { store: "subtitles", id }, bearer);
  expect([shown.status, await shown.json()]).toMatchObject([
    200,
    { id, links: [{ text: "Page of this job", url: `/jobs/${id}` }] },
  ]);
});
