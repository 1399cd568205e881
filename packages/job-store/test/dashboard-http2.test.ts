// Requests of HTTP/2, through the compatibility API of Node.

import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { openDashboard } from "./dashboard-client.js";

/** Serves a dashboard over HTTP/2, and connects to it. `handled` has the promises of `handle`. */
async function start(options: Parameters<typeof openDashboard>[0] = {}) {
  const opened = openDashboard(options);
  const handled: Promise<void>[] = [];
  const server = createServer((request, response) => {
    handled.push(opened.dashboard.handle(request, response));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = connect(url);
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return { ...opened, handled, session, url };
}

/** Sends a request. Resolves with the headers of the reply, and its body. */
async function call(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string) {
  const stream = session.request(headers);
  stream.end(body);
  const [reply] = await once(stream, "response");
  return { status: reply[":status"], headers: reply, text: await text(stream) };
}

const POST = { ":method": "POST", "content-type": "application/json" };

test("the page, its calls and its live updates work", async () => {
  const warned = vi.fn();
  process.on("warning", warned);
  onTestFinished(() => void process.off("warning", warned));
  const { store, session, handled } = await start();
  await store.create({ title: "One" }, { id: "a" });
  expect(await call(session, { ":path": "/a/b" })).toMatchObject({
    status: 200,
    text: expect.stringContaining("<title>"),
  });
  expect(await call(session, { ":method": "HEAD", ":path": "/a/b" })).toMatchObject({ status: 200, text: "" });
  const jobs = await call(session, { ...POST, ":path": "/?call=jobs" }, JSON.stringify({ store: "reports" }));
  expect(JSON.parse(jobs.text)).toMatchObject({ items: [{ id: "a" }] });
  const watch = session.request({ ...POST, ":path": "/?call=watch" });
  watch.end(JSON.stringify({ store: "reports" }));
  const [line] = await once(watch, "data");
  expect(JSON.parse(String(line))).toMatchObject({ counts: { waiting: 1 } });
  watch.close();
  await Promise.all(handled);
  expect(warned).not.toHaveBeenCalled();
});

test("the host of the request is compared with its origin", async () => {
  const { session, url } = await start();
  const act = { store: "reports", requestId: "request-0", act: { name: "pause", queue: "q" } };
  const from = async (origin: string) =>
    (await call(session, { ...POST, ":path": "/?call=act", origin }, JSON.stringify(act))).status;
  expect(await from("http://evil.example")).toBe(403);
  expect(await from(url)).toBe(200);
});

test.each(["TRACE", "PUT", "get"])("the method %s is refused", async (method) => {
  const { session } = await start();
  expect(await call(session, { ":method": method, ":path": "/" })).toMatchObject({
    status: 405,
    headers: { allow: "GET, HEAD, POST" },
  });
});

test("a stream that is closed before the reply ends the request", async () => {
  let decide = (_: boolean) => {};
  const may = vi.fn(() => new Promise<boolean>((resolve) => (decide = resolve)));
  const { session, store, handled } = await start({ may });
  const watch = vi.spyOn(store, "watch");
  const stream = session.request({ ...POST, ":path": "/?call=watch" });
  stream.end(JSON.stringify({ store: "reports" }));
  await vi.waitFor(() => expect(may).toHaveBeenCalled());
  stream.close();
  await once(stream, "close");
  await call(session, { ":path": "/" });
  decide(true);
  await Promise.all(handled);
  expect(watch).not.toHaveBeenCalled();
});

test("a body that does not end is refused with a reply, and the stream ends", async () => {
  const { session, handled } = await start();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const stream = session.request({ ...POST, ":path": "/?call=open" });
  stream.write("{");
  const response = once(stream, "response");
  await vi.waitUntil(() => handled.length > 0);
  await vi.advanceTimersByTimeAsync(30_000);
  expect((await response)[0]).toMatchObject({ ":status": 408 });
  const [reply] = await once(stream, "data");
  expect(String(reply)).toContain("did not arrive in time");
  await Promise.all(handled);
  await once(stream, "close");
});

test("a body that is too large is refused with a reply, and its rest is not awaited", async () => {
  const { session, handled } = await start();
  const stream = session.request({ ...POST, ":path": "/?call=open" });
  stream.on("error", () => {});
  stream.write("x".repeat(3_000_000));
  const [reply] = await once(stream, "response");
  expect(reply).toMatchObject({ ":status": 413 });
  await Promise.all(handled);
});

test.each([
  [405, { ":method": "PUT" }],
  [415, { ":method": "POST", "content-type": "text/plain" }],
  [403, { ...POST, origin: "http://evil.example" }],
])(
  "a request that is refused with the status %i ends its stream, although its body does not end",
  async (status, headers) => {
    const { session, handled } = await start();
    const stream = session.request({ ...headers, ":path": "/?call=open" });
    stream.write("{");
    const [reply] = await once(stream, "response");
    expect(reply).toMatchObject({ ":status": status });
    stream.resume();
    await Promise.all(handled);
    await once(stream, "close");
  },
);
