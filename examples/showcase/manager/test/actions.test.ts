import { downloadQueue, translateQueue } from "@showcase/contracts";
import { describe, expect, test } from "vitest";
import { film, srt, startRig } from "./rig.js";

test("a failed job is tried again, after its last completed stage", async () => {
  const { store, broker, files, post, submit, fail } = await startRig();
  const { id } = await submit({ targetLanguage: "es" });
  await fail(id);
  const first = await post(`/api/v1/jobs/${id}/retry`);
  expect([first.status, await first.json()]).toMatchObject([200, { status: "pending", attempt: 2, error: null }]);
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ ready: 2 });

  await files.save(id, "en", srt); // The subtitle was found this time.
  await fail(id);
  expect((await post(`/api/v1/jobs/${id}/retry`)).status).toBe(200);
  expect(await files.read(id, "en")).toBe(srt); // The downloader continues with this file.

  await fail(id);
  expect((await post(`/api/v1/jobs/${id}/retry`, { fromStart: true })).status).toBe(200);
  expect(await files.read(id, "en")).toBeNull();
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ ready: 4 });
  expect((await store.get(id))?.attempt).toBe(4);
});

test("only a failed job can be tried again", async () => {
  const { post, submit, complete } = await startRig();
  const { id } = await submit();
  const early = await post(`/api/v1/jobs/${id}/retry`);
  expect([early.status, await early.json()]).toMatchObject([409, { code: "WRONG_STATUS" }]);
  await complete(id);
  expect((await post(`/api/v1/jobs/${id}/retry`)).status).toBe(409);
  expect((await post("/api/v1/jobs/unknown/retry")).status).toBe(404);
});

test("a cancelled job fails with the reason, and rejects the writes of its worker", async () => {
  const { store, post, submit } = await startRig();
  const { id } = await submit();
  const inHands = await store.updateStatus(id, "downloading", { by: "worker" });
  const reply = await post(`/api/v1/jobs/${id}/cancel`);
  expect([reply.status, await reply.json()]).toMatchObject([
    200,
    { status: "failed", error: { code: "CANCELLED", retryable: true }, actions: ["retry", "delete"] },
  ]);
  await expect(store.updateProgress(inHands, { stage: "searching", done: 1, total: 2 })).rejects.toMatchObject({
    code: "CONFLICT",
  });
  expect((await post(`/api/v1/jobs/${id}/cancel`)).status).toBe(200);
});

test("a job that has ended cannot be cancelled", async () => {
  const { post, submit, complete, fail } = await startRig();
  const { id } = await submit();
  await complete(id);
  expect((await post(`/api/v1/jobs/${id}/cancel`)).status).toBe(409);
  const other = await submit({ language: "fr" });
  await fail(other.id);
  const reply = await post(`/api/v1/jobs/${other.id}/cancel`);
  expect([reply.status, await reply.json()]).toMatchObject([409, { detail: expect.stringContaining("failed") }]);
  expect((await post("/api/v1/jobs/unknown/cancel")).status).toBe(404);
});

const upload = "/api/v1/translations?videoTitle=The+Last+Ferry&language=en&targetLanguage=es";

test("an uploaded subtitle becomes a job for the translator, once", async () => {
  const { broker, files, manager, post } = await startRig();
  const send = () =>
    fetch(`${manager.url}${upload}`, {
      method: "POST",
      headers: { "content-type": "application/x-subrip" },
      body: srt,
    });
  const reply = await send();
  const job = (await reply.json()) as { id: string };
  expect([reply.status, job]).toMatchObject([201, { origin: "upload", status: "pending", targetLanguage: "es" }]);
  expect(await files.read(job.id, "en")).toBe(srt);
  await expect.poll(() => broker.stats(translateQueue)).toMatchObject({ ready: 1 });

  const again = await send();
  expect([again.status, await again.json()]).toMatchObject([200, { id: job.id, outcome: "existing" }]);

  await post(`/api/v1/jobs/${job.id}/cancel`);
  expect((await post(`/api/v1/jobs/${job.id}/retry`, { fromStart: true })).status).toBe(409);
  expect((await post(`/api/v1/jobs/${job.id}/retry`)).status).toBe(200);
  await expect.poll(() => broker.stats(translateQueue)).toMatchObject({ ready: 2 });
});

test("an upload can have any encoding, and is stored as UTF-8", async () => {
  const { files, manager } = await startRig();
  const body = Buffer.from("1\n00:00:01,000 --> 00:00:02,000\nSeñor, ¿qué pasó mañana?\n", "latin1");
  const reply = await fetch(`${manager.url}/api/v1/translations?videoTitle=Ferry&language=es&targetLanguage=en`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body,
  });
  const { id } = (await reply.json()) as { id: string };
  expect(await files.read(id, "es")).toContain("Señor, ¿qué pasó mañana?");
});

test.each([
  [400, "application/json", "{}"],
  [422, "application/x-subrip", "no subtitle at all"],
  [422, "application/x-subrip", ""],
  [415, "image/png", srt],
  [413, "application/octet-stream", "x".repeat(3 * 1024 * 1024)],
])("an upload is rejected with %i if it is %s", async (status, type, body) => {
  const { store, manager } = await startRig();
  const reply = await fetch(`${manager.url}${upload}`, { method: "POST", headers: { "content-type": type }, body });
  expect([reply.status, reply.headers.get("content-type")]).toEqual([
    status,
    expect.stringContaining("application/problem+json"),
  ]);
  expect(await store.counts()).toMatchObject({ pending: 0 });
});

test("redrive retries a failed job with one new message, which a worker accepts", async () => {
  const { store, broker, get, post, fail } = await startRig();
  const job = (await (await post("/api/v1/jobs", film)).json()) as { id: string };
  const consumer = await broker.consume(downloadQueue, async () => {
    await fail(job.id);
    return { kind: "deadLetter", reason: "it broke" };
  });
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ dead: 1 });
  await consumer.close();

  const letters = await get("/api/v1/queues/download/dead-letters");
  expect(await letters.json()).toMatchObject({ items: [{ jobId: job.id, reason: "it broke" }] });
  const redriven = await post("/api/v1/queues/download/redrive");
  expect([redriven.status, await redriven.json()]).toEqual([200, { redriven: 1, left: 0 }]);
  expect(await store.get(job.id)).toMatchObject({ status: "pending", attempt: 2, version: 3 });
  await expect
    .poll(async () => (await get("/api/v1/queues")).json())
    .toMatchObject({
      items: [
        { stage: "download", counts: { ready: 1, dead: 0 } },
        { stage: "translate", counts: { ready: 0 } },
      ],
      outbox: { waiting: 0, scheduled: 0, rejected: 0, oldestAt: null },
    });
  const messages: string[] = [];
  const second = await broker.consume(downloadQueue, async ({ id }) => void messages.push(id));
  await expect.poll(() => messages).toEqual([`${job.id}.3.0`]);
  await second.close();
});

test("more dead letters than are sent back at a time: the response has the number of those that are left, and ids are found among all", async () => {
  const { broker, post } = await startRig();
  const ids = Array.from({ length: 502 }, (_, n) => `letter-${n}`);
  const letters = ids.map((id) => ({ payload: { jobId: "gone" }, options: { id } }));
  await broker.publishMany(downloadQueue, letters);
  const dead = { concurrency: 50 };
  const consumer = await broker.consume(downloadQueue, async () => ({ kind: "deadLetter", reason: "it broke" }), dead);
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ dead: ids.length });
  await consumer.close();
  const redrive = async (body?: object) => (await post("/api/v1/queues/download/redrive", body)).json();
  expect(await redrive({ ids: ids.slice(-1) })).toEqual({ redriven: 1, left: 501 });
  expect(await redrive()).toEqual({ redriven: 500, left: 1 });
  expect(await redrive()).toEqual({ redriven: 1, left: 0 });
});

describe("a job that is deleted", () => {
  test("is removed with its files, and can be created again", async () => {
    const { store, files, manager, get, submit, complete } = await startRig();
    const { id } = await submit();
    await complete(id, { file: srt });
    const remove = () => fetch(`${manager.url}/api/v1/jobs/${id}`, { method: "DELETE" });
    expect((await remove()).status).toBe(204);
    expect(await store.get(id)).toBeNull();
    expect(await files.read(id, "en")).toBeNull();
    expect((await get(`/api/v1/jobs/${id}`)).status).toBe(404);
    expect((await remove()).status).toBe(404);
    expect(await submit()).toMatchObject({ id, status: "pending", attempt: 1 });
  });

  test("must have ended: one that is in progress is cancelled first", async () => {
    const { manager, submit, post } = await startRig();
    const { id } = await submit();
    const remove = () => fetch(`${manager.url}/api/v1/jobs/${id}`, { method: "DELETE" });
    const refused = await remove();
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: "WRONG_STATUS" }]);
    await post(`/api/v1/jobs/${id}/cancel`);
    expect((await remove()).status).toBe(204);
  });
});

test("without RabbitMQ, the queues are unknown, and the waiting messages of the outbox are known", async () => {
  const { broker, get, post } = await startRig();
  await broker.close();
  await post("/api/v1/jobs", film);
  expect(await (await get("/api/v1/queues")).json()).toMatchObject({
    items: [{ counts: null }, { counts: null }],
    outbox: { waiting: 1, scheduled: 0, rejected: 0, oldestAt: expect.any(String) },
  });
  const letters = await get("/api/v1/queues/download/dead-letters");
  expect([letters.status, await letters.json()]).toMatchObject([503, { code: "QUEUE_UNAVAILABLE" }]);
  expect((await get("/api/v1/queues/other/dead-letters")).status).toBe(400);
});

test("providers are shown in the state that the workers have written", async () => {
  const { get, providers } = await startRig();
  await providers.note("opensubtitles", { remaining: 3, allowed: 20 });
  expect(await (await get("/api/v1/providers")).json()).toMatchObject({
    items: [{ name: "opensubtitles", remaining: 3, allowed: 20, throttledUntil: null }],
  });
});

test("a redrive with a misspelt field sends nothing back", async () => {
  const { broker, post } = await startRig();
  await broker.publish(downloadQueue, { jobId: "gone" }, { id: "letter" });
  const consumer = await broker.consume(downloadQueue, async () => ({ kind: "deadLetter", reason: "it broke" }));
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ dead: 1 });
  await consumer.close();
  expect((await post("/api/v1/queues/download/redrive", { id: ["other"] })).status).toBe(400);
  expect(await broker.stats(downloadQueue)).toMatchObject({ dead: 1, ready: 0 });
});
