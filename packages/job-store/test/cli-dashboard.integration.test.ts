import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore } from "../src/index.js";
import { runCli, type Terminal } from "../src/lib/cli/run.js";
import { report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { PrivateRedis } from "./redis-store.js";
import { runHere } from "./run-cli.js";

const { available, title } = privateServer("redis");
let redis: PrivateRedis;
const TOKEN = "0123456789abcdef";

/** Starts the command on any free port, and stops it when the test ends. Returns its address. */
async function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const store = createJobStore({ job: report, driver: redisDriver({ url: redis.url }) });
  onTestFinished(() => store.close());
  await store.create({ title: "One" }, { id: "a" });
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stderr.resume();
  let stop = () => {};
  const on = (_: string, listener: () => void) => {
    stop = listener;
  };
  const terminal = { stdin, stdout, stderr, env: { REDIS_URL: redis.url, ...env }, on, off: () => {} };
  // The command line uses only these members of a terminal.
  const ended = runCli(["dashboard", "--port", "0", ...args], terminal as unknown as Terminal);
  onTestFinished(async () => {
    stop();
    expect(await ended).toBe(0);
  });
  const line = await Promise.race([once(stdout, "data"), ended.then((code) => expect.fail(`ended with ${code}`))]);
  return { url: JSON.parse(String(line)).url as string, store };
}

/** Sends a call as a page of the dashboard does. */
function call(url: string, name: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return fetch(`${url}?call=${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: new URL(url).origin, ...headers },
    body: JSON.stringify({ store: "report", ...body }),
  });
}

/** Returns the status of a request with this Host. `fetch` does not allow to set it. */
async function statusWithHost(url: string, host: string): Promise<number | undefined> {
  const sent = request(url, { headers: { host } });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}

describe.skipIf(!available)(title("the command dashboard"), () => {
  redis = new PrivateRedis();

  test("serves the page and its calls on loopback without a token, with the given author", async () => {
    const { url, store } = await start(["--by", "Ann"]);
    expect(new URL(url).hostname).toBe("127.0.0.1");
    expect(await (await fetch(url)).text()).toContain("<title>report</title>");
    const info = await (await call(url, "open", {})).json();
    expect(info).toMatchObject({ title: "report", stores: [{ key: "report", readOnly: false, broker: false }] });
    const act = { name: "move", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "failed" };
    expect((await call(url, "act", { requestId: "request-1", act })).status).toBe(200);
    expect((await store.get("a"))?.history.at(-1)).toMatchObject({ to: "failed", by: "Ann" });
  });

  test("answers on loopback only requests for it", async () => {
    const { url } = await start();
    const { port } = new URL(url);
    for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example"]) {
      expect(await statusWithHost(url, host)).toBe(403);
    }
    for (const host of [`localhost:${port}`, "127.0.0.1", `[::1]:${port}`]) {
      expect(await statusWithHost(url, host)).toBe(200);
    }
  });

  test("is read-only with --read-only", async () => {
    const { url, store } = await start(["--read-only"]);
    const act = { name: "delete", chosen: { jobs: [{ id: "a", version: 1 }] } };
    const refused = await call(url, "act", { requestId: "request-1", act });
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: "READ_ONLY" } }]);
    expect(await store.get("a")).not.toBeNull();
  });

  test("starts on another address only with a token, and then requires it", async () => {
    const open = await runHere(["dashboard", "--host", "0.0.0.0"], { REDIS_URL: redis.url });
    expect(open).toMatchObject({ code: 2, err: expect.stringContaining("a token is required") });
    const { url } = await start(["--host", "0.0.0.0"], { DASHBOARD_TOKEN: TOKEN });
    const local = url.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(local)).status).toBe(200);
    expect((await call(local, "jobs", {})).status).toBe(401);
    expect((await call(local, "jobs", {}, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test("reads the token from a file, and refuses one that is short or that browsers cannot send", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dashboard-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "token");
    await writeFile(file, `${TOKEN}\n`);
    const { url } = await start(["--token-file", file]);
    expect((await call(url, "jobs", {})).status).toBe(401);
    expect((await call(url, "jobs", {}, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    for (const wrong of ["short", "a long one with spaces", "sécurité-sécurité"]) {
      await writeFile(file, wrong);
      const refused = await runHere(["dashboard", "--token-file", file], { REDIS_URL: redis.url });
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("at least 16 characters") });
    }
    const missing = await runHere(["dashboard", "--token-file", join(folder, "none")], { REDIS_URL: redis.url });
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining("cannot be read") });
  });

  test.each([
    [["--port", "70000"], "--port must be"],
    [["--port", "x"], "--port must be"],
    [["--color", "pink"], "--color must be one of"],
    [["--host", "256.0.0.1"], "a token is required"],
    [["--amqp-url", "amqp://host"], "No queue given"],
  ])("rejects %j before anything is opened", async (args, words) => {
    const ended = await runHere(["dashboard", ...args], {});
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(words) });
  });

  test("names the port that is in use", async () => {
    const { url } = await start();
    const ended = await runHere(["dashboard", "--port", new URL(url).port], { REDIS_URL: redis.url });
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining("cannot listen at 127.0.0.1") });
  });

  test("ends at Ctrl-C while a page listens, as a built program", async () => {
    const store = createJobStore({ job: report, driver: redisDriver({ url: redis.url }) });
    onTestFinished(() => store.close());
    await store.create({ title: "One" }, { id: "a" });
    const cli = new URL("../dist/cli.js", import.meta.url).pathname;
    const child = spawn(process.execPath, [cli, "dashboard", "--port", "0"], {
      env: { ...process.env, REDIS_URL: redis.url },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = await once(child.stdout, "data");
    const { url } = JSON.parse(String(line)) as { readonly url: string };
    expect((await (await fetch(url)).text()).includes("?asset=")).toBe(true);
    const lines = await call(url, "watch", {});
    const reading = lines.text().catch(() => "ended");
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    await reading;
  });
});
