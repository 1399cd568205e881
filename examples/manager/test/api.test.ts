import { expect, onTestFinished, test } from "vitest";
import { COMPLETED, FAILED, WAITING } from "../../contracts/job.js";
import { openResources } from "../../contracts/test/resources.js";
import {
  otherData,
  resultWith,
  sampleData,
  workingStatuses,
  wrongData,
  wrongField,
} from "../../contracts/test/sample.js";
import { startManager } from "../app.js";

/** Starts a manager. The returned `call` sends a request to it. */
async function start() {
  const resources = await openResources();
  const manager = await startManager(resources, { HOST: "127.0.0.1", PORT: 0 });
  onTestFinished(() => manager.close());
  async function call(request: string, body?: unknown, headers = {}) {
    const [method = "", path = ""] = request.split(" ");
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(manager.url + path, { method, ...json, ...headers });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
  return { ...resources, url: manager.url, call };
}

/** Completes a job like the workers: progress, then a file and the result. */
async function complete({ store, files }: Awaited<ReturnType<typeof start>>, id: string) {
  for (const status of workingStatuses) await store.updateStatus(id, status, { progress: { done: 1, total: 2 } });
  await files.save(`${id}.txt`, "content");
  await store.updateStatus(id, COMPLETED, { result: resultWith(`${id}.txt`) });
}

test("the same request creates one job, and another request another job", async () => {
  const { call } = await start();
  const answers = await Promise.all([1, 2, 3].map(() => call("POST /api/v1/jobs", sampleData)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  const [{ body, headers } = { body: null, headers: new Headers() }] = answers;
  expect(body).toMatchObject({ status: WAITING, attempt: 1, data: sampleData, result: null, fileUrl: null });
  expect((await call(`GET ${headers.get("location")}`)).body).toEqual(body);
  expect((await call("POST /api/v1/jobs", otherData)).body.id).not.toBe(body.id);
});

test("jobs are listed by status, in pages", async () => {
  const { call, store } = await start();
  await call("POST /api/v1/jobs", sampleData);
  const { body: other } = await call("POST /api/v1/jobs", otherData);
  await store.updateStatus(other.id, FAILED, { error: { message: "for the test" } });
  const { body: first } = await call("GET /api/v1/jobs?limit=1");
  const { body: second } = await call(`GET /api/v1/jobs?limit=1&cursor=${encodeURIComponent(first.cursor)}`);
  expect([first.items[0].id, second.items[0].data]).toEqual([other.id, sampleData]);
  const { body: failed } = await call(`GET /api/v1/jobs?status=${FAILED}`);
  expect([failed.items.map(({ id }: { id: string }) => id), failed.cursor]).toEqual([[other.id], null]);
});

test("the events of a job show its progress, and the last one its result", async () => {
  const service = await start();
  const { body: job } = await service.call("POST /api/v1/jobs", sampleData);
  const response = await fetch(`${service.url}/api/v1/jobs/${job.id}/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  for await (const chunk of response.body ?? []) {
    // Starts the work after the first event, which has the new job.
    if (text === "") await complete(service, job.id);
    text += Buffer.from(chunk).toString();
  }
  const events = Array.from(text.matchAll(/^event: job\ndata: (.*)\n\n/gm), ([, data = ""]) => JSON.parse(data));
  expect(events[0]).toMatchObject({ status: WAITING });
  expect(events.at(-1)).toMatchObject({
    status: COMPLETED,
    progress: { done: 1 },
    fileUrl: `/api/v1/jobs/${job.id}/file`,
  });
});

test("the manager closes although an event stream is open", async () => {
  const resources = await openResources();
  const manager = await startManager(resources, { HOST: "127.0.0.1", PORT: 0 });
  const { job } = await resources.store.create(sampleData);
  const response = await fetch(`${manager.url}/api/v1/jobs/${job.id}/events`);
  const reader = response.body?.getReader();
  await reader?.read();
  await manager.close();
  await expect(reader?.closed).rejects.toThrow();
});

test("a port in use ends the start with a message that names the setting", async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  await expect(startManager(await openResources(), { HOST: "127.0.0.1", PORT: port })).rejects.toThrow(
    `Another process uses port ${port} of 127.0.0.1. Stop it, or set PORT to another port.`,
  );
});

test("the file is sent if the job is completed, and not before", async () => {
  const service = await start();
  const { body: job } = await service.call("POST /api/v1/jobs", sampleData);
  expect((await service.call(`GET /api/v1/jobs/${job.id}/file`)).body).toMatchObject({ code: "NOT_COMPLETED" });
  await complete(service, job.id);
  const { status, headers, body } = await service.call(`GET /api/v1/jobs/${job.id}/file`);
  expect([status, body]).toEqual([200, "content"]);
  expect(headers.get("content-disposition")).toBe(`attachment; filename="${job.id}.txt"`);
});

test("a cancelled job fails with the reason, a retry starts it again, and both requests can be repeated", async () => {
  const { call } = await start();
  const { body: job } = await call("POST /api/v1/jobs", sampleData);
  for (const _time of ["first", "second"]) {
    const { body } = await call(`POST /api/v1/jobs/${job.id}/cancel`);
    expect(body).toMatchObject({ status: FAILED, attempt: 1, error: { code: "CANCELLED" } });
  }
  for (const _time of ["first", "second"]) {
    const { body } = await call(`POST /api/v1/jobs/${job.id}/retry`);
    expect(body).toMatchObject({ status: WAITING, attempt: 2, error: null });
  }
});

test("a completed job cannot be cancelled or tried again", async () => {
  const service = await start();
  const { job } = await service.store.create(sampleData);
  await complete(service, job.id);
  for (const action of ["cancel", "retry"]) {
    const { status, body } = await service.call(`POST /api/v1/jobs/${job.id}/${action}`);
    expect([status, body.code]).toEqual([409, "WRONG_STATUS"]);
  }
});

test("every error response has the same form, with a code and the id of the request", async () => {
  const { call } = await start();
  const noJson = { body: "{", headers: { "content-type": "application/json" } };
  const refusals = await Promise.all([
    call("GET /nothing"),
    call("GET /api/v1/jobs/nothing"),
    call("GET /api/v1/jobs/nothing/events"),
    call("POST /api/v1/jobs/nothing/cancel"),
    call("POST /api/v1/jobs", wrongData),
    call("POST /api/v1/jobs", undefined, noJson),
    call("GET /api/v1/jobs?status=nothing"),
    call("GET /api/v1/jobs?cursor=nothing"),
  ]);
  expect(refusals.map(({ status }) => status)).toEqual([404, 404, 404, 404, 400, 400, 400, 400]);
  for (const { status, headers, body } of refusals) {
    expect(headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const [code, detail, requestId] = [expect.any(String), expect.any(String), expect.any(String)];
    expect(body).toEqual({ type: "about:blank", title: expect.any(String), status, code, detail, requestId });
  }
  expect(refusals[4]?.body.detail).toContain(wrongField);
});

test("health and metrics describe the service", async () => {
  const { call, store } = await start();
  await call("POST /api/v1/jobs", sampleData);
  expect((await call("GET /livez")).status).toBe(200);
  expect(await call("GET /readyz")).toMatchObject({ status: 200, body: { status: "healthy" } });
  const { body: metrics } = await call("GET /metrics");
  expect(metrics).toMatch(/^subtitles_jobs\{.*status="\w+".*\} 1$/m);
  expect(metrics).not.toContain("target_info");
  await store.close();
  expect(await call("GET /readyz")).toMatchObject({ status: 503, body: { status: "unhealthy" } });
  expect(await call("GET /api/v1/jobs")).toMatchObject({ status: 503, body: { code: "STORE_UNAVAILABLE" } });
});

test("the dashboard shows the jobs, and permits no change", async () => {
  const { call, url } = await start();
  const { body: job } = await call("POST /api/v1/jobs", sampleData);
  const page = await call("GET /dashboard");
  expect([page.status, page.body]).toEqual([200, expect.stringContaining("<script")]);
  const listed = await call("POST /dashboard?call=jobs", { store: "jobs" });
  expect(listed).toMatchObject({ status: 200, body: { items: [{ id: job.id }] } });
  const act = { name: "delete", chosen: { jobs: [{ id: job.id, version: job.version }] } };
  const headers = { origin: url, "content-type": "application/json" };
  const refused = await call("POST /dashboard?call=act", { store: "jobs", requestId: "a-request", act }, { headers });
  const message = expect.stringContaining("may not perform");
  expect(refused).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN", message } } });
  expect((await call(`GET /api/v1/jobs/${job.id}`)).status).toBe(200);
});
