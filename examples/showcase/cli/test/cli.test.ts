import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { createLog, createSubtitleFiles, memoryProviderStates, subtitleJob } from "@showcase/contracts";
import { keysInMemory, startManager } from "@showcase/manager";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { createBroker } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { run } from "../src/run.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const srt = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";
const video = "https://films.example/The%20Last%20Ferry.mkv";

async function startRig(token?: string) {
  const folder = await mkdtemp(join(tmpdir(), "cli-"));
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(join(folder, "files"));
  const start = (port: number) =>
    startManager({
      store,
      broker,
      files,
      providers: memoryProviderStates(),
      keys: keysInMemory(),
      log: createLog("test", "silent"),
      host: "127.0.0.1",
      port,
      token,
    });
  let manager = await start(0);
  const { url } = manager;
  onTestFinished(async () => {
    await manager.close();
    await broker.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** Runs the command. Returns it with its output until now. */
  function cli(args: readonly string[], options: { isTTY?: boolean; env?: Record<string, string> } = {}) {
    const input = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? false });
    const stop = new AbortController();
    const said = { out: "", err: "" };
    const code = run(args, {
      out: { isTTY: options.isTTY ?? false, columns: 80, write: (text) => (said.out += text) },
      err: { write: (text) => (said.err += text) },
      input,
      env: { SUBTITLES_API: url, ...options.env },
      signal: stop.signal,
    });
    return { said, code, input, interrupt: () => stop.abort() };
  }
  async function submit(): Promise<string> {
    const { said, code } = cli(["submit", video, "--language", "en"], { env: token ? { API_TOKEN: token } : {} });
    expect([await code, said.err]).toEqual([0, ""]);
    return said.out.trim();
  }
  async function restartManager() {
    await manager.close();
    manager = await start(Number(new URL(url).port));
  }
  return { store, files, folder, cli, submit, restartManager };
}

test("submit prints the job's id, and a repeated submit creates no second job", async () => {
  const { store, submit } = await startRig();
  const id = await submit();
  expect(await submit()).toBe(id);
  expect((await store.get(id))?.data).toMatchObject({ videoUrl: video, videoTitle: "The Last Ferry", language: "en" });
});

test("watch follows a job to its end, also if the service restarts", async () => {
  const { store, cli, submit, restartManager } = await startRig();
  const id = await submit();
  const { said, code } = cli(["watch", id]);
  await expect.poll(() => said.out).toContain('"status":"pending"');
  const job = await store.updateStatus(id, "downloading");
  await expect.poll(() => said.out).toContain('"status":"downloading"');
  await restartManager();
  await store.updateStatus(job, "completed", { result: { downloadUrl: "https://films.example/file" } });
  expect(await code).toBe(0);
  const lines = said.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ id, status: "completed", percent: 100 });
});

test("watch shows a bar with the progress of the stage on a terminal", async () => {
  const { store, cli, submit } = await startRig();
  const id = await submit();
  const job = await store.updateStatus(id, "downloading");
  await store.updateProgress(job, { stage: "searching", done: 1, total: 2 });
  const { said, code } = cli(["watch", id], { isTTY: true });
  await expect.poll(() => said.out).toContain("searching 1/2");
  await store.updateStatus(job, "failed", { error: { message: "Not found anywhere." } });
  expect(await code).toBe(1);
  expect(said.err).toBe("Not found anywhere.\n");
  expect(stripVTControlCharacters(said.out)).toMatch(/failed: Not found anywhere\.\n$/);
});

test("watch ends after --timeout and on Ctrl-C, and prints that the job continues", async () => {
  const { cli, submit } = await startRig();
  const id = await submit();
  const late = cli(["watch", id, "--timeout", "1s"]);
  expect([await late.code, late.said.err]).toEqual([3, expect.stringContaining("the job continues")]);
  const stopped = cli(["watch", id]);
  await expect.poll(() => stopped.said.out).not.toBe("");
  stopped.interrupt();
  expect([await stopped.code, stopped.said.err]).toEqual([130, expect.stringContaining("the job continues")]);
});

test("list, cancel, retry and download work on jobs", async () => {
  const { store, files, folder, cli, submit } = await startRig();
  const id = await submit();
  const table = cli(["list", "--status", "pending", "--search", "ferry"], { isTTY: true });
  expect([await table.code, table.said.out]).toEqual([0, `${id}  pending        0%  en             The Last Ferry\n`]);

  expect(await cli(["cancel", id]).code).toBe(0);
  expect(await store.get(id)).toMatchObject({ status: "failed", error: { code: "CANCELLED" } });
  const retried = cli(["retry", id]);
  expect([await retried.code, JSON.parse(retried.said.out)]).toMatchObject([0, { id, status: "pending", attempt: 2 }]);

  const early = cli(["download", id]);
  expect([await early.code, early.said.err]).toEqual([4, "The job is still pending.\n"]);
  await files.save(id, "en", srt);
  const job = await store.updateStatus(id, "downloading");
  await store.updateStatus(job, "completed", { result: { downloadUrl: "https://films.example/file" } });
  const piped = cli(["download", id, "--format", "vtt", "--output", "-"]);
  expect([await piped.code, piped.said.out]).toEqual([0, expect.stringMatching(/^WEBVTT\n/)]);
  const path = join(folder, "here.srt");
  expect(await cli(["download", id, "--output", path]).code).toBe(0);
  expect(await readFile(path, "utf8")).toBe(srt);
});

test("a download gets the name that the service returns, and overwrites no file", async () => {
  const { store, files, folder, cli, submit } = await startRig();
  const id = await submit();
  await files.save(id, "en", srt);
  const job = await store.updateStatus(id, "downloading");
  await store.updateStatus(job, "completed", { result: { downloadUrl: "https://films.example/file" } });
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  expect(await cli(["download", id]).code).toBe(0);
  expect(await readFile(join(folder, "The Last Ferry.en.srt"), "utf8")).toBe(srt);
  const again = cli(["download", id]);
  expect([await again.code, again.said.err]).toEqual([
    2,
    expect.stringContaining("exists already. Choose another file with --output"),
  ]);
});

describe("delete", () => {
  test("with --yes removes a job that has ended, and its files", async () => {
    const { store, files, cli, submit } = await startRig();
    const id = await submit();
    const early = cli(["delete", id, "--yes"]);
    expect([await early.code, early.said.err]).toEqual([4, "The job is still pending: cancel it first.\n"]);
    await cli(["cancel", id]).code;
    await files.save(id, "en", srt);
    const { said, code } = cli(["delete", id, "--yes"]);
    expect([await code, said]).toEqual([0, { out: "", err: "" }]);
    expect([await store.get(id), await files.read(id, "en")]).toEqual([null, null]);
    expect(await cli(["delete", id, "--yes"]).code).toBe(4);
  });

  test.each([
    ["yes\n", 0],
    ["\n", 4],
    ["no\n", 4],
    ["", 4],
  ])("asks on a terminal, and the answer %j ends with %i", async (answer, expected) => {
    const { store, cli, submit } = await startRig();
    const id = await submit();
    await cli(["cancel", id]).code;
    const { said, code, input } = cli(["delete", id], { isTTY: true });
    await expect.poll(() => said.err).toBe(`Delete ${id} and its subtitles permanently? [y/N] `);
    input.end(answer);
    expect(await code).toBe(expected);
    expect((await store.get(id)) === null).toBe(expected === 0);
  });

  test("deletes nothing if the input is not a terminal, or after Ctrl-C", async () => {
    const { store, cli, submit } = await startRig();
    const id = await submit();
    await cli(["cancel", id]).code;
    const script = cli(["delete", id]);
    expect([await script.code, script.said.err]).toEqual([2, expect.stringContaining("Add --yes")]);
    const asked = cli(["delete", id], { isTTY: true });
    await expect.poll(() => asked.said.err).toContain("[y/N]");
    asked.interrupt();
    expect(await asked.code).toBe(130);
    expect(await store.get(id)).not.toBeNull();
  });
});

test("submit uploads a subtitle for translation", async () => {
  const { store, folder, cli } = await startRig();
  const path = join(folder, "Ferry.srt");
  await writeFile(path, srt);
  const { said, code } = cli(["submit", "--file", path, "--language", "en", "--to", "es"]);
  expect(await code).toBe(0);
  expect((await store.get(said.out.trim()))?.data).toMatchObject({ videoTitle: "Ferry", targetLanguage: "es" });
});

test("the program reads the token from the environment", async () => {
  const { cli, submit } = await startRig("correct horse battery staple");
  await submit();
  const { said, code } = cli(["list"]);
  expect([await code, said.err]).toEqual([4, expect.stringContaining("API_TOKEN")]);
});

test.each([
  [2, []],
  [2, ["dance"]],
  [2, ["submit", video]],
  [2, ["submit", "--language", "en"]],
  [2, ["watch"]],
  [2, ["delete"]],
  [2, ["watch", "id", "--timeout", "soon"]],
  [2, ["list", "--no-such-option"]],
  [2, ["submit", "--file", "no-such-file.srt", "--language", "en", "--to", "es"]],
  [4, ["cancel", "unknown"]],
  [4, ["list", "--status", "done"]],
  [0, ["--help"]],
])("exits with %i: %j", async (expected, args) => {
  const { cli } = await startRig();
  const { said, code } = cli(args);
  expect(await code).toBe(expected);
  expect(expected === 0 ? said.out : said.err).not.toBe("");
});

test("an unavailable service has an exit code of its own", async () => {
  const { cli } = await startRig();
  const { said, code } = cli(["list", "--api", "http://127.0.0.1:9"]);
  expect([await code, said.err]).toEqual([5, "http://127.0.0.1:9 cannot be reached.\n"]);
});
