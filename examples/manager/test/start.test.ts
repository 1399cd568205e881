import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { COMPLETED } from "../../contracts/job.js";
import { temporaryFolder } from "../../contracts/test/resources.js";
import { sampleData } from "../../contracts/test/sample.js";

/** Runs `start.ts` as `npm start` does. */
function start(args: readonly string[], env: Readonly<Record<string, string>>) {
  const service = spawn(process.execPath, ["--import", "tsx", "start.ts", ...args], {
    cwd: join(import.meta.dirname, "../.."),
    env: { PATH: process.env.PATH, ...env },
  });
  onTestFinished(() => void service.kill("SIGKILL"));
  return service;
}

/** Time limit of a test that starts a process. On a busy machine, compiling the service takes long. */
const patience = 180_000;

test("`npm start` runs a job to its end in one process, and ends on SIGTERM", { timeout: patience }, async () => {
  const service = start([], { PORT: "0", STORAGE_PATH: await temporaryFolder() });
  let url: string | undefined;
  for await (const line of createInterface(service.stdout)) {
    url = /Server listening at (http:[^"]+)/.exec(line)?.[1];
    if (url !== undefined) break;
  }
  const body = JSON.stringify(sampleData);
  const created = await fetch(`${url}/api/v1/jobs`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  const events = await (await fetch(`${url}${created.headers.get("location")}/events`)).text();
  const job = JSON.parse(events.slice(events.lastIndexOf("data: ") + "data: ".length));
  expect(job).toMatchObject({ status: COMPLETED, error: null });
  const file = await fetch(`${url}${job.fileUrl}`);
  expect([file.status, (await file.text()).length > 0]).toEqual([200, true]);
  service.stdout.resume();
  service.kill("SIGTERM");
  expect(await once(service, "exit")).toEqual([0, null]);
});

test("an unavailable server is logged without a stack, and the service waits for it", {
  timeout: patience,
}, async () => {
  const [REDIS_URL, RABBITMQ_URL] = ["redis://127.0.0.1:1", "amqp://127.0.0.1:1"];
  const service = start([], { PORT: "0", STORAGE_PATH: await temporaryFolder(), REDIS_URL, RABBITMQ_URL });
  const errors = new Map<string, unknown>();
  for await (const line of createInterface(service.stdout)) {
    const { err } = JSON.parse(line);
    if (err !== undefined) errors.set(err.type, err);
    if (errors.size === 2) break;
  }
  for (const type of ["JobStoreError", "QueueError"]) {
    expect(errors.get(type)).toEqual({ type, code: "UNAVAILABLE", message: expect.stringContaining("ECONNREFUSED") });
  }
  expect(service.exitCode).toBeNull();
});

test.each([
  [["manager"], {}, "Set REDIS_URL and RABBITMQ_URL."],
  [[], { REDIS_URL: "redis://127.0.0.1:1" }, "Set RABBITMQ_URL."],
  [
    [],
    { REDIS_URL: "http://user:hunter2@host", PORT: "x" },
    /^REDIS_URL is invalid. .+\nPORT is invalid. It must be a port, 0 to 65535/,
  ],
  [["nothing"], { REDIS_URL: "redis://127.0.0.1:1", RABBITMQ_URL: "amqp://127.0.0.1:1" }, 'There is no app "nothing"'],
])("a wrong start ends with the reason and no password: %j %j", { timeout: patience }, async (args, env, message) => {
  const service = start(args, env as Readonly<Record<string, string>>);
  let output = "";
  service.stderr.on("data", (chunk) => {
    output += chunk;
  });
  expect(await once(service, "close")).toEqual([1, null]);
  expect(output).toMatch(message);
  expect(output).not.toContain("hunter2");
});
