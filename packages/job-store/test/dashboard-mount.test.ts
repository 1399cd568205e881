import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import express from "express";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Dashboard, nodeRequestOf } from "../src/dashboard.js";
import type { DashboardInfo, JobsPage } from "../src/lib/dashboard/protocol.js";
import { linesOf, newRequestId, openDashboard } from "./dashboard-client.js";
import { AUTHORIZATION, MOUNTS, serve, serveProxy, webListener } from "./dashboard-mounts.js";

/** Loads the page at an address as a browser does: all addresses are relative to it. */
async function usePage(url: string, headers: Readonly<Record<string, string>> = {}) {
  const browser = { "sec-fetch-site": "same-origin", origin: new URL(url).origin, ...headers };
  const document = await fetch(url, { headers });
  expect(document.status).toBe(200);
  const names = [...(await document.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
  expect(names).toHaveLength(2);
  for (const name of names) expect((await fetch(new URL(name, url), { headers })).status).toBe(200);
  const call = (name: string, body: object, signal?: AbortSignal) =>
    fetch(new URL(`?call=${name}`, url), {
      method: "POST",
      headers: { ...browser, "content-type": "application/json" },
      body: JSON.stringify({ store: "reports", ...body }),
      ...(signal !== undefined && { signal }),
    });
  const info = (await (await call("open", {})).json()) as DashboardInfo;
  expect(info.stores).toMatchObject([{ key: "reports" }]);
  const { items } = (await (await call("jobs", {})).json()) as JobsPage;
  expect(items).toMatchObject([{ id: "a", status: "waiting", version: 1 }]);

  const stop = new AbortController();
  const lines = linesOf(await call("watch", {}, stop.signal));
  expect((await lines.next()).value).toMatchObject({ counts: { waiting: 1 } });
  const act = { name: "move", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "failed" };
  const moved = await call("act", { requestId: newRequestId(), act });
  expect(await moved.json()).toMatchObject({ outcomes: [{ outcome: "done" }] });
  expect((await lines.next()).value).toMatchObject({ changed: ["a"], counts: { failed: 1 } });
  stop.abort();
}

async function openFilled(): Promise<Dashboard> {
  const { store, dashboard } = openDashboard();
  await store.create({ title: "One" }, { id: "a" });
  return dashboard;
}

describe("the dashboard works without an option for its path", () => {
  test.each(Object.entries(MOUNTS))("in %s, under /a/b, behind its authentication", async (_, mount) => {
    const url = `${await mount(await openFilled())}/a/b`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(`${url}?call=open`, { method: "POST" })).status).toBe(401);
    await usePage(url, { authorization: AUTHORIZATION });
  });

  test.each(["/", "/jobs/"])("in http, under %s", async (path) => {
    const dashboard = await openFilled();
    await usePage(`${await serve((request, response) => void dashboard.handle(request, response))}${path}`);
  });

  test.each([
    ["keeps the path", (path: string) => path],
    ["strips the path", (path: string) => path.replace("/a/b", "/")],
  ])("behind a proxy that %s and replaces the host", async (_, rewrite) => {
    const dashboard = await openFilled();
    const target = await serve((request, response) => void dashboard.handle(request, response));
    const proxy = await serveProxy(target, rewrite);
    await usePage(`${proxy}/a/b`);
  });

  test("with the user that a framework has stored in the request of Node", async () => {
    const userOf = (request: Request) => {
      const message = nodeRequestOf(request);
      return message !== null && "user" in message ? String(message.user) : "";
    };
    const { store, dashboard } = openDashboard({ may: (request) => userOf(request) === "ann", by: userOf });
    await store.create({ title: "One" }, { id: "a" });
    const app = express();
    app.use((request, _response, next) => {
      Object.assign(request, { user: "ann" });
      next();
    });
    app.use("/jobs", (request, response) => void dashboard.handle(request, response));
    await usePage(`${await serve(app)}/jobs`);
    expect((await store.get("a"))?.history.at(-1)).toMatchObject({ to: "failed", by: "ann" });
    expect(nodeRequestOf(new Request("http://host/"))).toBeNull();
  });

  test("in Hono, behind a middleware that compresses every type", async () => {
    const dashboard = await openFilled();
    const app = new Hono();
    app.use(compress({ contentTypeFilter: () => true, threshold: 0 }));
    app.all("/a/b", (context) => dashboard.fetch(context.req.raw));
    const url = `${await serve(webListener((request) => app.fetch(request)))}/a/b`;
    expect((await fetch(url)).headers.get("content-encoding")).toBe("gzip");
    await usePage(url);
  });

  test.each([
    ["express.raw()", express.raw({ type: "*/*" })],
    ["express.text()", express.text({ type: "*/*" })],
  ])("in Express, after %s", async (_, parse) => {
    const dashboard = await openFilled();
    const app = express();
    app.use(parse);
    app.use("/a/b", (request, response) => void dashboard.handle(request, response));
    await usePage(`${await serve(app)}/a/b`);
  });

  test("a body that another handler has read is refused with a reply", async () => {
    const dashboard = await openFilled();
    const handler: RequestListener = async (request, response) => {
      request.resume();
      await once(request, "end");
      await dashboard.handle(request, response);
    };
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    const used = new Request("http://host/?call=open", init);
    await used.text();
    for (const reply of [await fetch(`${await serve(handler)}/?call=open`, init), await dashboard.fetch(used)]) {
      expect(reply.status).toBe(500);
      expect(await reply.json()).toMatchObject({ error: { message: expect.stringContaining("Another handler") } });
    }
  });

  test("a header of a middleware that Web requests cannot have is refused with a reply", async () => {
    const dashboard = await openFilled();
    const url = await serve((request, response) => {
      request.headers["x user"] = "ann";
      void dashboard.handle(request, response);
    });
    const reply = await fetch(url);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { code: "INVALID_ARGUMENT" } });
  });

  test("bundled into one file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dashboard-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const built = (name: string) => fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
    const contents = `
      import { createServer } from "node:http";
      import { createDashboard } from ${JSON.stringify(built("dashboard"))};
      import { createJobStore, defineJob } from ${JSON.stringify(built("index"))};
      import { memoryDriver } from ${JSON.stringify(built("memory"))};
      import * as z from "zod";
      const report = defineJob({
        name: "report",
        data: z.object({ title: z.string() }),
        initial: "waiting",
        statuses: { waiting: { next: ["failed"] }, failed: { next: [], final: true } },
      });
      const store = createJobStore({ job: report, driver: memoryDriver() });
      await store.create({ title: "One" }, { id: "a" });
      const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true });
      const server = createServer((request, response) => void dashboard.handle(request, response));
      server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    `;
    const file = join(folder, "server.mjs");
    const root = fileURLToPath(new URL("..", import.meta.url));
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root, loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      minify: true,
      write: false,
      logLevel: "error",
    });
    await writeFile(file, outputFiles[0]?.text ?? "");
    const child = spawn(process.execPath, [file], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [port] = await once(child.stdout, "data");
    await usePage(`http://127.0.0.1:${String(port).trim()}/a/b`);
  });
});
