import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  createLog,
  createSubtitleFiles,
  openBroker,
  openProviderStates,
  openStore,
  readSettings,
} from "../../examples/showcase/contracts/src/index.js";
import { removeTraces } from "../../examples/showcase/demo/src/remove-traces.js";
import { startManager } from "../../examples/showcase/manager/src/app.js";
import { managerEnv } from "../../examples/showcase/manager/src/env.js";
import { openRequestKeys } from "../../examples/showcase/manager/src/jobs/redis-keys.js";
import { server } from "../servers/require.js";
import { startTcpProxy } from "../servers/tcp-proxy.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const film = { videoUrl: "https://films.example/1.mkv", videoTitle: "One", language: "en" };
const srt = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";

/** Requests to every route that needs the job store. */
const NEEDS_STORE: readonly (readonly [method: string, path: string, body?: object | string])[] = [
  ["POST", "/jobs", film],
  ["POST", "/translations?videoTitle=One&language=en&targetLanguage=es", srt],
  ["GET", "/jobs"],
  ["GET", "/jobs?q=one"],
  ["GET", "/counts"],
  ["GET", "/jobs/one"],
  ["POST", "/jobs/one/retry", {}],
  ["POST", "/jobs/one/cancel", {}],
  ["DELETE", "/jobs/one"],
  ["GET", "/jobs/one/file"],
  ["GET", "/jobs/one/cues"],
  ["GET", "/queues"],
  ["GET", "/providers"],
  ["GET", "/events"],
];
/** Requests to every route that needs the queues. */
const NEEDS_QUEUE: typeof NEEDS_STORE = [
  ["GET", "/queues/download/dead-letters"],
  ["POST", "/queues/translate/redrive", {}],
];

/** Time limit of a request. Every route must reply, also during an outage. */
const REQUEST_TIMEOUT_MS = 60_000;

const suite = (redis.url === null ? redis : rabbitmq).title("the manager");
describe.skipIf(redis.url === null || rabbitmq.url === null)(suite, () => {
  async function start() {
    const folder = await mkdtemp(join(tmpdir(), "outages-"));
    const prefix = `${redis.prefix}outages-${randomBytes(4).toString("hex")}`;
    const redisProxy = await startTcpProxy({ url: redis.url ?? "" });
    const address = new URL(rabbitmq.url ?? "");
    address.port ||= "5672";
    const rabbitmqProxy = await startTcpProxy({ url: address.href });
    const env = readSettings(managerEnv, {
      REDIS_URL: redisProxy.url,
      REDIS_KEY_PREFIX: `${prefix}:`,
      RABBITMQ_URL: rabbitmqProxy.url,
      RABBITMQ_PREFIX: `${prefix}.`,
      SUBTITLE_STORAGE_PATH: folder,
    });
    const log = createLog("test", "silent");
    const store = openStore(env, log);
    const broker = openBroker(env, log);
    const providers = openProviderStates(env, log);
    const keys = openRequestKeys(env, log);
    const files = createSubtitleFiles(folder);
    const manager = await startManager({ store, broker, providers, keys, files, log, host: "127.0.0.1", port: 0 });
    onTestFinished(async () => {
      await Promise.all([redisProxy.open(), rabbitmqProxy.open()].map((opened) => opened.catch(() => {})));
      redisProxy.heal();
      await manager.close();
      await Promise.all([broker.close(), store.close(), providers[Symbol.asyncDispose](), keys[Symbol.asyncDispose]()]);
      await Promise.all([redisProxy.close(), rabbitmqProxy.close(), rm(folder, { recursive: true })]);
      const urls = { redisUrl: redis.url ?? "", rabbitmqUrl: rabbitmq.url ?? "" };
      await removeTraces({ ...urls, keyPrefix: `${prefix}:`, queuePrefix: `${prefix}.` });
    });

    const call = (method: string, path: string, body?: object | string) =>
      fetch(`${manager.url}${path}`, {
        method,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...(typeof body === "string" && { body, headers: { "content-type": "application/x-subrip" } }),
        ...(typeof body === "object" && {
          body: JSON.stringify(body),
          headers: { "content-type": "application/json", "idempotency-key": path },
        }),
      });
    const api = (method: string, path: string, body?: object | string) => call(method, `/api/v1${path}`, body);
    const ready = async () => {
      const reply = await call("GET", "/readyz");
      const { status, outbox } = (await reply.json()) as { status: string; outbox: { waiting: number | null } };
      return [reply.status, status, outbox.waiting];
    };
    const isHealthy = () => expect.poll(ready).toEqual([200, "healthy", 0]);
    /** Expects each route to reply with a problem of the given code and a time for the next attempt. */
    async function expectUnavailable(routes: typeof NEEDS_STORE, code: string) {
      const replies = await Promise.all(
        routes.map(async ([method, path, body]) => {
          const reply = await api(method, path, body);
          const problem = (await reply.json()) as { code: string };
          return [`${method} ${path}`, reply.status, reply.headers.get("content-type"), problem.code];
        }),
      );
      const problem = expect.stringContaining("application/problem+json");
      expect(replies).toEqual(routes.map(([method, path]) => [`${method} ${path}`, 503, problem, code]));
      const first = routes[0];
      if (first) expect((await api(...first)).headers.get("retry-after")).toBe("5");
    }
    await isHealthy();
    return { redisProxy, rabbitmqProxy, call, api, ready, isHealthy, expectUnavailable, url: manager.url };
  }

  async function listen(url: string) {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const reply = await fetch(`${url}/api/v1/events`, { signal: stop.signal });
    const received = { text: "" };
    void (async () => {
      for await (const chunk of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) received.text += chunk;
    })().catch((error: unknown) => {
      received.text += `The connection broke: ${error}`;
    });
    await expect.poll(() => received.text).toContain("event: resync");
    return received;
  }

  test.each(["refuses connections", "does not reply"])(
    "replies with errors while Redis %s, and works when it is reachable again",
    async (how) => {
      const { redisProxy, call, api, ready, isHealthy, expectUnavailable, url } = await start();
      const live = await listen(url);
      if (how === "refuses connections") await redisProxy.shut();
      else redisProxy.freeze();

      await expectUnavailable(NEEDS_STORE, "STORE_UNAVAILABLE");
      expect(await ready()).toEqual([503, "unhealthy", null]);
      const others = ["/livez", "/", "/api/v1/openapi.json", "/api/v1/queues/download/dead-letters", "/metrics"];
      const replies = await Promise.all(others.map((path) => call("GET", path)));
      expect(replies.map(({ status }) => status)).toEqual(others.map(() => 200));
      expect(await replies.at(-1)?.text()).not.toContain("subtitle_jobs{");

      await redisProxy.open().catch(() => {});
      redisProxy.heal();
      await isHealthy();
      await expect.poll(async () => (await api("POST", "/jobs", film)).status).toBe(201);
      // The event stream that was opened before the outage continues and sends the new job.
      await expect.poll(() => live.text).toContain(`"videoUrl":"${film.videoUrl}"`);
    },
  );

  test("accepts jobs while RabbitMQ is unreachable, reports the outage, and publishes the messages later", async () => {
    const { rabbitmqProxy, call, api, ready, isHealthy, expectUnavailable, url } = await start();
    const live = await listen(url);
    await rabbitmqProxy.shut();
    const created = await api("POST", "/jobs", film);
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: string };
    await expect.poll(() => live.text).toContain(`"id":"${id}"`);
    await expect.poll(ready).toEqual([200, "degraded", 1]);
    await expectUnavailable(NEEDS_QUEUE, "QUEUE_UNAVAILABLE");
    const queues = await api("GET", "/queues");
    expect([queues.status, await queues.json()]).toMatchObject([
      200,
      { items: [{ counts: null }, { counts: null }], outbox: { waiting: 1, oldestAt: expect.any(String) } },
    ]);
    expect(await (await call("GET", "/metrics")).text()).not.toContain("subtitle_queue_messages{");

    await rabbitmqProxy.open();
    await isHealthy();
    const { items } = (await (await api("GET", "/queues")).json()) as { items: unknown[] };
    expect(items[0]).toMatchObject({ counts: { ready: 1 } });
  });

  test("replies with errors while Redis and RabbitMQ are unreachable, and works when both are reachable again", async () => {
    const { redisProxy, rabbitmqProxy, api, ready, isHealthy, expectUnavailable } = await start();
    await Promise.all([redisProxy.shut(), rabbitmqProxy.shut()]);
    await Promise.all([
      expectUnavailable(NEEDS_STORE, "STORE_UNAVAILABLE"),
      expectUnavailable(NEEDS_QUEUE, "QUEUE_UNAVAILABLE"),
    ]);
    expect(await ready()).toEqual([503, "unhealthy", null]);
    await rabbitmqProxy.open();
    expect((await api("POST", "/jobs", film)).status).toBe(503);
    await redisProxy.open();
    await isHealthy();
    await expect.poll(async () => (await api("POST", "/jobs", film)).status).toBe(201);
    await isHealthy();
  });
});
