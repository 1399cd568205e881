import { downloadQueue } from "@showcase/contracts";
import { expect, test } from "vitest";
import { z } from "zod";
import { jobDetail } from "../src/api/views.js";
import { aProblem, film, read, startRig, takeAway } from "./rig.js";

const submitted = jobDetail.extend({ outcome: z.string() });

test("a job is stored with its message, and the response has the stored job", async () => {
  const { store, broker, get, post } = await startRig();
  const reply = await post("/api/v1/jobs", { ...film, targetLanguage: "spa" });
  expect(reply.status).toBe(201);
  const { outcome, ...job } = await read(submitted, reply);
  expect(outcome).toBe("created");
  expect(job).toMatchObject({
    ...film,
    status: "pending",
    version: 1,
    attempt: 1,
    origin: "video",
    targetLanguage: "es",
    preferredSources: [],
    percent: 0,
    actions: ["cancel"],
  });
  expect(job.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(reply.headers.get("location")).toBe(`/api/v1/jobs/${job.id}`);
  expect(await (await get(`/api/v1/jobs/${job.id}`)).json()).toEqual(job);
  expect(job.history).toMatchObject([{ from: null, to: "pending", by: "manager" }]);

  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
  await expect.poll(() => store.outbox.depth()).toBe(0);
});

test.each([
  ["videoTitle", { ...film, videoTitle: undefined }],
  ["videoTitle", { ...film, videoTitle: "\u0000 \n" }],
  ["videoUrl", { ...film, videoUrl: "javascript:alert(1)" }],
  ["videoUrl", { ...film, videoUrl: "urn:sha256:00" }],
  ["videoUrl", { ...film, videoUrl: "https://films.example/\u0000" }],
  ["language", { ...film, language: "not a language" }],
  ["language", { ...film, language: "english" }],
  ["targetLanguage", { ...film, targetLanguage: 7 }],
  ["targetLanguage", { ...film, targetLanguage: "EN" }],
  ["preferredSources.1", { ...film, preferredSources: ["library", ""] }],
])("a wrong %s is answered with a 400 that names it, and nothing is stored", async (field, body) => {
  const { store, post } = await startRig();
  const reply = await post("/api/v1/jobs", body);
  expect(reply.status).toBe(400);
  expect(reply.headers.get("content-type")).toContain("application/problem+json");
  const problem = await read(aProblem, reply);
  expect(problem).toMatchObject({ title: "Bad Request", status: 400, code: "INVALID_REQUEST", errors: [{ field }] });
  expect(problem.detail).toContain(field);
  expect(await store.counts()).toMatchObject({ pending: 0 });
});

test("an unknown field is a 400 that names it: a misspelt targetLanguage would leave the job untranslated", async () => {
  const { store, post } = await startRig();
  const reply = await post("/api/v1/jobs", { ...film, targetLang: "es" });
  expect(reply.status).toBe(400);
  expect(await read(aProblem, reply)).toMatchObject({
    detail: 'Please check the body (Unrecognized key: "targetLang").',
  });
  expect(await store.counts()).toMatchObject({ pending: 0 });
});

test("a repeated request returns the existing job", async () => {
  const { store, post, submit } = await startRig();
  const { id } = await submit();
  const again = await post("/api/v1/jobs", { ...film, language: "eng", videoTitle: "Another title" });
  expect([again.status, await again.json()]).toMatchObject([200, { id, outcome: "existing", ...film }]);
  expect((await submit({ targetLanguage: "es" })).id).not.toBe(id);
  expect((await submit({ language: "fr" })).id).not.toBe(id);
  expect((await submit({ videoUrl: "https://films.example/2.mkv" })).id).not.toBe(id);
  expect(await store.counts()).toMatchObject({ pending: 4 });
});

test("many concurrent requests create one job and one message", async () => {
  const { store, broker, post } = await startRig();
  const replies = await Promise.all(Array.from({ length: 20 }, () => post("/api/v1/jobs", film)));
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
  expect(await store.counts()).toMatchObject({ pending: 1 });
  await expect.poll(() => store.outbox.depth()).toBe(0);
  expect(await broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
});

test("a repeated request for a failed job retries it", async () => {
  const { post, submit, fail } = await startRig();
  const { id } = await submit();
  await fail(id);
  const again = await post("/api/v1/jobs", film);
  expect([again.status, await again.json()]).toMatchObject([
    200,
    { id, outcome: "restarted", status: "pending", attempt: 2 },
  ]);
});

test("a repeated request with its key does not retry a job that has failed since, and an earlier failure is retried", async () => {
  const { post, submit, fail } = await startRig();
  const { id } = await submit();
  await fail(id);
  const key = { "idempotency-key": "one" };
  expect(await (await post("/api/v1/jobs", film, key)).json()).toMatchObject({ id, outcome: "restarted" });
  await fail(id);
  expect(await (await post("/api/v1/jobs", film, key)).json()).toMatchObject({ outcome: "existing", status: "failed" });
  expect(await (await post("/api/v1/jobs", film, { "idempotency-key": "two" })).json()).toMatchObject({
    outcome: "restarted",
    attempt: 3,
  });
});

test("an Idempotency-Key belongs to one request", async () => {
  const { store, post } = await startRig();
  const key = { "idempotency-key": "one" };
  expect((await post("/api/v1/jobs", film, key)).status).toBe(201);
  expect((await post("/api/v1/jobs", film, key)).status).toBe(200);
  const other = await post("/api/v1/jobs", { ...film, language: "fr" }, key);
  expect([other.status, await other.json()]).toMatchObject([422, { code: "KEY_REUSED" }]);
  expect(await store.counts()).toMatchObject({ pending: 1 });
});

test("without a store, a job is rejected with 503, the time of the next try, and the reason", async () => {
  const { store, broker, post } = await startRig();
  takeAway(store, "create");
  const reply = await post("/api/v1/jobs", film);
  expect(reply.status).toBe(503);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  const problem = await read(aProblem, reply);
  expect(problem).toMatchObject({ title: "Service Unavailable", status: 503, code: "STORE_UNAVAILABLE" });
  expect(JSON.stringify(problem)).not.toContain("hunter2");
  expect(await store.counts()).toMatchObject({ pending: 0 });
  expect(await broker.stats(downloadQueue)).toMatchObject({ ready: 0 });
});

test("if it is not known whether the job was accepted, the response has its id", async () => {
  const { store, post } = await startRig();
  takeAway(store, "create", true);
  const problem = await read(aProblem, post("/api/v1/jobs", film));
  expect(problem.status).toBe(503);
  expect(problem.jobId).toMatch(/^[\w-]{36}$/);
  expect(problem.detail).toContain(`/api/v1/jobs/${problem.jobId}`);
});

test("without RabbitMQ, jobs are accepted, and their messages wait", async () => {
  const { store, broker, get, post } = await startRig();
  await broker.close();
  expect((await post("/api/v1/jobs", film)).status).toBe(201);
  expect(await store.outbox.depth()).toBe(1);
  const ready = await get("/readyz");
  expect([ready.status, await ready.json()]).toMatchObject([
    200,
    { status: "degraded", outbox: { waiting: 1, scheduled: 0, rejected: 0 } },
  ]);
});
