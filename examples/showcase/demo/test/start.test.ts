import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { inExamples } from "../src/system.js";

// Time limit in milliseconds. Starting a process takes long on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

/** Starts an app like `npm start`. Returns its output when it has ended. */
async function failedStart(app: string, env: Readonly<Record<string, string>>) {
  const start = promisify(execFile)(process.execPath, ["--import", "tsx", "src/main.ts"], {
    cwd: inExamples(`showcase/${app}`),
    env: { PATH: process.env.PATH, ...env },
  });
  return start.then(
    () => expect.fail("It should not have started."),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

/** Starting an app compiles it, which takes long on a busy machine. */
const patience = { timeout: 180_000 };

test.each(["manager", "downloader", "translator"])(
  "%s ends with one message that names all missing settings",
  patience,
  async (app) => {
    const { code, stdout, stderr } = await failedStart(app, {
      RABBITMQ_URL: "amqp://user:hunter2@",
      LOG_LEVEL: "loud",
    });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toContainEqual(expect.stringMatching(/^REDIS_URL is missing. It must be the address of the Redis/));
    expect(lines).toContainEqual(expect.stringMatching(/^RABBITMQ_URL is invalid. /));
    expect(lines).toContainEqual(expect.stringMatching(/^LOG_LEVEL is invalid. It must be one of trace, /));
    expect(lines).toContainEqual(expect.stringMatching(/^SUBTITLE_STORAGE_PATH is missing. /));
    for (const line of lines) expect(line).toMatch(/^[A-Z_]+ (is missing|is invalid)\. It must be /);
    expect(stderr).not.toContain("hunter2");
  },
);

test("a translator without its translation memory ends with the reason", patience, async () => {
  const { code, stderr } = await failedStart("translator", {
    REDIS_URL: "redis://127.0.0.1:1",
    RABBITMQ_URL: "amqp://127.0.0.1:1",
    SUBTITLE_STORAGE_PATH: "storage",
    TRANSLATION_MEMORY_PATH: "no-such.tmx",
  });
  expect(code).toBe(1);
  expect(stderr).toBe("Translation memory no-such.tmx: cannot be read (ENOENT)\n");
});

test.each([
  ["the templates", [], /The jobs are at (\S+);/],
  ["the showcase", ["--showcase"], /The page is at (\S+)/],
])(
  "with --keep, the demo of %s continues to run, prints its address, and ends on Ctrl-C",
  { timeout: 180_000 },
  async (_, args, where) => {
    const demo = spawn(process.execPath, ["--import", "tsx", "src/main.ts", "--keep", ...args], {
      cwd: inExamples("showcase/demo"),
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void demo.kill("SIGKILL"));
    let output = "";
    demo.stdout.on("data", (chunk) => (output += chunk));
    await expect.poll(() => output, { timeout: 120_000 }).toContain("Still running");
    expect(output).toContain("All jobs ended as expected");
    const [, url] = where.exec(output) ?? [];
    expect((await fetch(new URL("/livez", url))).status).toBe(200);
    demo.kill("SIGINT");
    expect(await once(demo, "exit")).toEqual([0, null]);
  },
);
