import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { linesOf } from "../../packages/job-store/test/dashboard-client.js";
import { root } from "../../scripts/dev/run.mjs";
import { endWithTest } from "../processes.js";
import { npmIn, packPackages } from "./npm.js";

// A team mounts the dashboard in an app of Next.js, with the code of the guide and the packed package.

const PACKAGES = ["next@16", "react@19", "react-dom@19", "zod@4", "typescript@6", "@types/react@19", "@types/node@24"];

/** Folders of the routes: that of the guide, and an optional catch-all route. */
const ROUTES = ["app/admin/jobs", "app/board/[[...path]]"];

/** Paths at which the routes answer. */
const PATHS = ["/admin/jobs", "/board", "/board/a/b"];

/** Error codes of npm if the registry cannot be reached. */
const NO_REGISTRY = /npm error code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)/;

test("the dashboard works as a route of Next.js", { timeout: 1_200_000 }, async ({ skip }) => {
  const app = await mkdtemp(join(tmpdir(), "subtitles-next-"));
  onTestFinished(() => rm(app, { recursive: true, force: true, maxRetries: 20 }));
  await writeApp(app);
  await packPackages(join(app, "packages"));
  const packed = (await readdir(join(app, "packages"))).filter((file) => file.includes("job-store"));
  const wanted = [...packed.map((file) => `./packages/${file}`), ...PACKAGES];
  const problem = await npmIn(app, ["install", "--no-audit", "--no-fund", "--prefer-offline", ...wanted]).then(
    () => null,
    (error: Error) => error,
  );
  if (problem !== null) {
    const [code] = NO_REGISTRY.exec(problem.message) ?? [];
    if (code === undefined || process.env.CI === "true") throw problem;
    skip(`npm cannot install Next.js: ${code}`);
  }
  await npmIn(app, ["exec", "--", "next", "build"], { NEXT_TELEMETRY_DISABLED: "1" });
  const url = await startApp(app);
  for (const path of PATHS) await usePage(`${url}${path}`, path.replaceAll("/", "-"));
});

/** Writes the files of an app. Its store, its dashboard and its routes are those of the guide. */
async function writeApp(app: string): Promise<void> {
  const guide = await readFile(join(root, "docs/guides/dashboard.md"), "utf8");
  const blocks = Array.from(guide.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = ""]) => code);
  const board = blocks.find((code) => code.startsWith("// board.ts\n"));
  const route = blocks.find((code) => code.startsWith("export const GET"));
  if (board === undefined || route === undefined) expect.fail("The guide has no code for Next.js.");
  const jobs = PATHS.map((path) => path.replaceAll("/", "-"));
  const files: Readonly<Record<string, string>> = {
    "package.json": JSON.stringify({ private: true, type: "module" }),
    "board.ts": `${board}\nconst data = { month: "2026-11", email: "ada@example.com" };
await store.createMany(${JSON.stringify(jobs)}.map((id) => ({ id, data })));\n`,
    // Next.js also bundles the Redis driver.
    "app/health/route.ts": `import { redisDriver } from "@subtitles/job-store/redis";
export const GET = () => Response.json({ driver: redisDriver({ url: "redis://127.0.0.1:1" }).name });\n`,
  };
  for (const folder of ROUTES)
    Object.assign(files, { [`${folder}/route.ts`]: `import { dashboard } from "../../../board";\n${route}` });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(app, path)), { recursive: true });
    await writeFile(join(app, path), content);
  }
}

/** Starts the built app on a free port. Returns its address. */
async function startApp(app: string): Promise<string> {
  const program = join(app, "node_modules/next/dist/bin/next");
  const child = spawn(process.execPath, [program, "start", "-p", "0", "-H", "127.0.0.1"], {
    cwd: app,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  endWithTest(child);
  const output: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    output.push(line);
    const [, url] = /Local: +(http:\S+)/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  return expect.fail(`next start: ${output.join("\n")}`);
}

/** Uses the page as a browser does: reads the document, its files and a list, listens, and changes a job if the user may. */
async function usePage(url: string, id: string): Promise<void> {
  const document = await fetch(url);
  expect([document.status, document.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const names = [...(await document.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
  expect(names).toHaveLength(2);
  for (const name of names) expect((await fetch(new URL(name, url))).status).toBe(200);

  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const call = (name: string, body: object, headers = {}) =>
    fetch(new URL(`?call=${name}`, url), {
      method: "POST",
      headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
      body: JSON.stringify({ store: "reports", ...body }),
      signal: stop.signal,
    });
  expect(await (await call("job", { id })).json()).toMatchObject({ id, status: "waiting", version: 1 });
  const lines = linesOf(await call("watch", {}));
  expect((await lines.next()).value).toMatchObject({ changed: null });

  const act = { name: "move", chosen: { jobs: [{ id, version: 1 }] }, to: "failed" };
  const change = { requestId: `request${id}`, act };
  const refused = await call("act", change);
  expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: "FORBIDDEN" } }]);
  expect(await (await call("job", { id })).json()).toMatchObject({ status: "waiting" });

  const done = await call("act", change, { "x-role": "admin", "x-user": "ada" });
  expect(await done.json()).toMatchObject({ outcomes: [{ id, outcome: "done" }] });
  expect((await lines.next()).value).toMatchObject({ changed: [id] });
  expect(await (await call("job", { id })).json()).toMatchObject({ history: [{}, { status: "failed", by: "ada" }] });
  stop.abort();
}
