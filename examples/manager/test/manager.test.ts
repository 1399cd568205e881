import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, createSubtitleFiles, downloadQueue, type SubtitleStore } from "@example/contracts";
import { createJobStore, JobStoreError } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { createBroker } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { startManager } from "../src/app.js";

const aJob = z.looseObject({ id: z.string(), history: z.array(z.unknown()) });
const aProblem = z.looseObject({ detail: z.string() });
const aPage = z.looseObject({ items: z.array(z.looseObject({ id: z.string() })), cursor: z.string().optional() });
const read = async <S extends z.ZodType>(schema: S, reply: Response | Promise<Response>) =>
  schema.parse(await (await reply).json());

const film = { videoUrl: "https://films.example/1.mkv", videoTitle: "The Last Ferry", language: "en" };

async function startRig() {
  const folder = await mkdtemp(join(tmpdir(), "manager-"));
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(folder);
  const log = createLog("test", "silent");
  const manager = await startManager({ store, broker, files, log, host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    await manager.close();
    await broker.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const get = (path: string) => fetch(`${manager.url}${path}`);
  const post = (body: unknown) =>
    fetch(`${manager.url}/subtitles`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  async function complete(id: string, data: { file?: string; language?: string } = {}) {
    const job = await store.updateStatus(id, "downloading");
    if (data.file) await files.save(id, data.language ?? "en", data.file);
    return store.updateStatus(job, "completed", { result: { downloadUrl: `${manager.url}/subtitles/${id}/file` } });
  }
  return { store, broker, get, post, complete };
}

/** From now on the store is out of reach, in the way that a call tells. */
function takeAway(store: SubtitleStore, call: "create" | "get" | "list", indeterminate = false) {
  vi.spyOn(store, call).mockImplementation(async (...args: readonly unknown[]) => {
    const options = args[1];
    const jobId = options && typeof options === "object" && "id" in options ? String(options.id) : undefined;
    throw new JobStoreError("UNAVAILABLE", "redis://user:hunter2@host is away", { indeterminate, jobId });
  });
}

test("a job is accepted with its message, and answered as it is stored", async () => {
  const { store, broker, get, post } = await startRig();
  const reply = await post({ ...film, targetLanguage: "spa" });
  expect(reply.status).toBe(201);
  const job = await read(aJob, reply);
  expect(job).toMatchObject({
    status: "pending",
    version: 1,
    data: { ...film, targetLanguage: "es", preferredSources: [] },
  });
  expect(reply.headers.get("location")).toBe(`/subtitles/${job.id}`);
  expect(await (await get(`/subtitles/${job.id}`)).json()).toEqual(job);
  expect(job.history).toMatchObject([{ from: null, to: "pending", by: "manager" }]);

  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
  await expect.poll(() => store.outbox.depth()).toBe(0);
});

test.each([
  ["videoTitle", { ...film, videoTitle: undefined }],
  ["language", { ...film, language: "not a language" }],
  ["targetLanguage", { ...film, targetLanguage: 7 }],
  ["preferredSources.1", { ...film, preferredSources: ["library", ""] }],
])("a wrong %s is a 400 that names it, and nothing is stored", async (field, body) => {
  const { store, post } = await startRig();
  const reply = await post(body);
  expect(reply.status).toBe(400);
  expect(reply.headers.get("content-type")).toContain("application/problem+json");
  const problem = await read(aProblem, reply);
  expect(problem).toMatchObject({ title: "Bad Request", status: 400, errors: [{ field }] });
  expect(problem.detail).toContain(field);
  expect(await store.counts()).toMatchObject({ pending: 0 });
});

test("what is no JSON, or far too much of it, is refused as a problem too", async () => {
  const { post } = await startRig();
  const huge = await post({ ...film, videoTitle: "x".repeat(100_000) });
  expect([huge.status, huge.headers.get("content-type")]).toEqual([
    413,
    expect.stringContaining("application/problem+json"),
  ]);
  const none = await post(undefined);
  expect([none.status, none.headers.get("content-type")]).toEqual([
    400,
    expect.stringContaining("application/problem+json"),
  ]);
});

test("without a store a job is not accepted: 503, when to try again, and why", async () => {
  const { store, broker, post } = await startRig();
  takeAway(store, "create");
  const reply = await post(film);
  expect(reply.status).toBe(503);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  const problem = await read(aProblem, reply);
  expect(problem).toMatchObject({
    title: "Service Unavailable",
    status: 503,
    detail: expect.stringContaining("job store"),
  });
  expect(JSON.stringify(problem)).not.toContain("hunter2");
  expect(await store.counts()).toMatchObject({ pending: 0 });
  expect(await broker.stats(downloadQueue)).toMatchObject({ ready: 0 });
});

test("where it is not known whether the job was accepted, the answer says where to find out", async () => {
  const { store, post } = await startRig();
  takeAway(store, "create", true);
  const problem = await read(aProblem, post(film));
  expect(problem.status).toBe(503);
  expect(problem.jobId).toMatch(/^[\w-]{36}$/);
  expect(problem.detail).toContain(`/subtitles/${problem.jobId}`);
});

test("reading without a store is a 503 too", async () => {
  const { store, get } = await startRig();
  takeAway(store, "get");
  takeAway(store, "list");
  for (const path of ["/subtitles/some-id", "/subtitles", "/subtitles/some-id/file"]) {
    const reply = await get(path);
    expect([path, reply.status, reply.headers.has("retry-after")]).toEqual([path, 503, true]);
  }
});

test("without a queue jobs are still accepted, and their messages wait", async () => {
  const { store, broker, get, post } = await startRig();
  await broker.close();
  expect((await post(film)).status).toBe(201);
  expect(await store.outbox.depth()).toBe(1);
  const health = await get("/health");
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ status: "degraded", outbox: { waiting: 1 } });
});

test("health is 200 with store and queue, and 503 without the store", async () => {
  const { store, get } = await startRig();
  const well = await get("/health");
  expect([well.status, await well.json()]).toMatchObject([200, { status: "healthy", outbox: { waiting: 0 } }]);
  await store.close();
  const unwell = await get("/health");
  expect([unwell.status, await unwell.json()]).toMatchObject([503, { status: "unhealthy" }]);
});

test("the list has filters, pages and counts", async () => {
  const { get, post, complete } = await startRig();
  const ids: string[] = [];
  for (const videoTitle of ["One", "Two", "Three"]) ids.push((await read(aJob, post({ ...film, videoTitle }))).id);
  await complete(String(ids[0]));

  const first = await read(aPage, get("/subtitles?limit=2&order=oldest"));
  expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  expect(first.counts).toEqual({ pending: 2, downloading: 0, translating: 0, completed: 1, failed: 0 });
  expect(first.items[0]).not.toHaveProperty("history");
  const second = await read(
    aPage,
    get(`/subtitles?limit=2&order=oldest&cursor=${encodeURIComponent(first.cursor ?? "")}`),
  );
  expect(second.items.map(({ id }) => id)).toEqual(ids.slice(2));
  expect(second.cursor).toBeUndefined();

  const some = await read(aPage, get("/subtitles?status=completed&status=failed"));
  expect(some.items.map(({ id }) => id)).toEqual(ids.slice(0, 1));
});

test.each([
  ["limit", "limit=0"],
  ["limit", "limit=many"],
  ["status", "status=done"],
  ["order", "order=random"],
])("a list with a wrong %s is a 400 (%s)", async (field, query) => {
  const { get } = await startRig();
  const reply = await get(`/subtitles?${query}`);
  expect([reply.status, await reply.json()]).toMatchObject([400, { errors: [{ field }] }]);
});

test("a cursor that is none of ours is a 400", async () => {
  const { get } = await startRig();
  expect((await get("/subtitles?cursor=made-up")).status).toBe(400);
});

test("a finished job's file is served under the name that players look for", async () => {
  const { get, post, complete } = await startRig();
  const title = 'Amélie / "2001"\n..';
  const { id } = await read(aJob, post({ ...film, videoTitle: title, targetLanguage: "es" }));
  await complete(id, { file: "hola", language: "es" });
  const reply = await get(`/subtitles/${id}/file`);
  expect([reply.status, await reply.text()]).toEqual([200, "hola"]);
  expect(reply.headers.get("content-type")).toBe("application/x-subrip");
  const disposition = reply.headers.get("content-disposition") ?? "";
  expect(disposition).toMatch(/^attachment; filename="Am.lie 2001.es.srt"/);
  expect(disposition).toContain("filename*=UTF-8''Am%C3%A9lie%202001.es.srt");
});

test.each(["", "..", "CON/../..", "\ud800", "a".repeat(5000)])(
  "the title %j makes a file name all the same",
  async (title) => {
    const { get, post, complete } = await startRig();
    const { id } = await read(aJob, post({ ...film, videoTitle: title || " " }));
    await complete(id, { file: "hello" });
    const reply = await get(`/subtitles/${id}/file`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-disposition")).toMatch(/^attachment; filename="?[^"/\\]{1,150}\.en\.srt"?$/);
  },
);

test("there is no file before the job is done, and the answer says how it stands", async () => {
  const { store, get, post, complete } = await startRig();
  const { id } = await read(aJob, post(film));
  const early = await get(`/subtitles/${id}/file`);
  expect([early.status, await early.json()]).toMatchObject([409, { detail: "The job is still pending." }]);

  await complete(id); // its file was removed from the folder since
  expect((await get(`/subtitles/${id}/file`)).status).toBe(404);

  const other = await read(aJob, post(film));
  await store.updateStatus(other.id, "failed", { error: { message: "Not found anywhere." } });
  const failed = await get(`/subtitles/${other.id}/file`);
  expect([failed.status, await failed.json()]).toMatchObject([409, { detail: "The job failed: Not found anywhere." }]);
});

test.each(["/subtitles/no-such-job", "/subtitles/no-such-job/file", "/nothing-here"])("%s is a 404", async (path) => {
  const { get } = await startRig();
  const reply = await get(path);
  expect([reply.status, reply.headers.get("content-type")]).toEqual([
    404,
    expect.stringContaining("application/problem+json"),
  ]);
});

test.each(["..%2f..%2fetc%2fpasswd", "a%00b", "job:*"])("%s is no job id", async (id) => {
  const { get } = await startRig();
  expect((await get(`/subtitles/${id}`)).status).toBe(400);
  expect((await get(`/subtitles/${id}/file`)).status).toBe(400);
});
