import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { type Rabbitmq, startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { openSetting, startRunning } from "./worker-servers/setting.js";

const rabbitmq = privateServer("rabbitmq");
/** Options to wait for a restart of the broker. */
const LONG = { timeout: 120_000, interval: 20 };

/** Returns job ids. */
function ids(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
}

describe.skipIf(!rabbitmq.available)(rabbitmq.title("workers while RabbitMQ fails"), () => {
  let server: Rabbitmq;
  beforeAll(async () => {
    server = await startRabbitmq();
  });
  afterAll(() => server?.stop());

  test("a restart aborts and repeats no run, in four processes with sixteen jobs", async () => {
    const setting = await openSetting(server.url);
    const jobs = ids("job", 16);
    const children = await Promise.all([1, 2, 3, 4].map(() => setting.start({ concurrency: 4 })));
    for (const id of jobs) await setting.request(id);
    const runs = () => children.flatMap((child) => child.runs);
    await vi.waitUntil(() => runs().length === jobs.length, PATIENCE);
    await server.kill();
    await vi.waitFor(async () => {
      for (const child of children) expect(await child.state()).toBe("waiting");
    }, PATIENCE);
    await server.restart();
    await vi.waitFor(async () => {
      for (const child of children) expect(await child.state()).toBe("running");
    }, LONG);
    for (const run of runs()) run.finish();
    for (const id of jobs) {
      await setting.reaches(id, "done");
      const { history = [] } = (await setting.store.get(id)) ?? {};
      expect(history.map(({ to }) => to)).toEqual(["pending", "rendering", "done"]);
    }
    await setting.endsEmpty(...children);
    expect(runs()).toHaveLength(jobs.length);
    expect(runs().map(({ abortedWith }) => abortedWith)).toEqual(jobs.map(() => null));
    expect(children.flatMap((child) => child.eventTypes()).filter((type) => type === "lost")).toEqual([]);
  });

  test("a worker that loses its connection stores its outcome, and the copy in another process is skipped", async () => {
    const setting = await openSetting(server.url);
    const first = await startRunning(setting, { proxied: ["rabbitmq"] });
    const second = await setting.start();
    await first.proxies.rabbitmq?.shut();
    await vi.waitUntil(() => second.events.length === 1, PATIENCE);
    expect(second.events).toMatchObject([{ type: "skipped", reason: "leased" }]);
    first.run.finish();
    await setting.reaches("a", "done");
    expect(await first.state()).toBe("waiting");
    await first.proxies.rabbitmq?.open();
    await vi.waitFor(async () => expect(await first.state()).toBe("running"), LONG);
    await setting.endsEmpty(first, second);
    expect([first.runs.length, second.runs.length, first.run.abortedWith]).toEqual([1, 0, null]);
  });

  test("RabbitMQ loses all its data: every job continues that runs, waits for a retry or is postponed", async () => {
    const setting = await openSetting(server.url, { retryDelaysMs: [15_000] });
    const [running, retrying, postponed] = [ids("running", 34), ids("retrying", 33), ids("postponed", 33)];
    const worker = await setting.start({ concurrency: 34 });
    for (const id of [...retrying, ...postponed, ...running]) await setting.request(id);
    const seen = (prefix: string) => worker.runs.filter(({ jobId }) => jobId.startsWith(prefix));
    await vi.waitUntil(() => seen("retrying").length === retrying.length, PATIENCE);
    for (const run of seen("retrying")) run.fail();
    await vi.waitUntil(() => seen("postponed").length === postponed.length, PATIENCE);
    for (const run of seen("postponed")) run.fail({ kind: "later", afterMs: 20_000 });
    await vi.waitUntil(() => seen("running").length === running.length, PATIENCE);
    // The worker is busy, so these messages are in the queue when it is lost.
    for (const id of ["queued-0", "queued-1"]) await setting.request(id);
    await vi.waitFor(async () => expect(await setting.store.outbox.depth()).toBe(0), PATIENCE);

    await server.kill();
    await rm(join(server.folder, "data"), { recursive: true });
    await server.restart();
    await vi.waitFor(async () => expect(await worker.state()).toBe("running"), LONG);
    const finish = setInterval(() => {
      for (const run of worker.runs) run.finish();
    }, 50);
    try {
      for (const id of [...running, ...retrying, ...postponed]) await setting.reaches(id, "done");
    } finally {
      clearInterval(finish);
    }
    await setting.endsEmpty(worker);
    expect(seen("running")).toHaveLength(running.length);
    const pending = await setting.store.list({ status: "pending" });
    expect(pending.items.map(({ id }) => id).toSorted()).toEqual(["queued-0", "queued-1"]);
  });

  test("after each of three restarts of both servers, also of an idle worker and with silent connections, new jobs start", async () => {
    const redis = await startRedis({ args: PERSISTENT });
    const setting = await openSetting(server.url, { redis });
    const worker = await setting.start({ finishes: true, heartbeatSeconds: 1, proxied: ["redis", "rabbitmq"] });
    const { proxies } = worker;
    const faults = [
      () => Promise.all([redis.restart(), server.restart()]),
      // From now on, the connections get no answer. New ones are not affected.
      async () => void [proxies.redis?.holdRequests(), proxies.rabbitmq?.holdRequests()],
      () => server.restart(),
      async () => {
        await server.restart();
        await redis.restart();
      },
    ];
    for (const [n, fault] of faults.entries()) {
      await fault();
      await vi.waitFor(() => setting.request(`job-${n}`), LONG);
      await vi.waitFor(async () => expect(await setting.status(`job-${n}`)).toBe("done"), LONG);
      await vi.waitFor(async () => expect(await worker.state()).toBe("running"), LONG);
    }
    await setting.endsEmpty(worker);
    expect(worker.runs).toHaveLength(faults.length);
  });

  test("while processes and both servers are killed in turn, each job ends once", async () => {
    const redis = await startRedis({ args: PERSISTENT });
    const setting = await openSetting(server.url, { redis });
    const options = { finishes: true, runMs: 20, concurrency: 1, prefetch: 4 };
    const children = await Promise.all([1, 2, 3].map(() => setting.start(options)));
    const started = [...children];
    const jobs: string[] = [];
    const requestMore = async () => {
      for (let n = 0; n < 15; n++) {
        const id = `job-${jobs.length}`;
        jobs.push(id);
        await vi.waitFor(() => setting.request(id), LONG);
      }
    };
    for (const [n, fault] of ["process", "redis", "process", "rabbitmq", "process", "redis", "process"].entries()) {
      const requesting = requestMore();
      if (fault === "redis") await redis.restart();
      else if (fault === "rabbitmq") await server.restart();
      else {
        await children[n % 3]?.kill();
        const next = await setting.start(options);
        children[n % 3] = next;
        started.push(next);
      }
      await requesting;
    }
    for (const id of jobs) {
      await vi.waitFor(async () => expect(await setting.status(id)).toBe("done"), LONG);
      const { history = [] } = (await setting.store.get(id)) ?? {};
      expect(history.filter(({ to }) => to === "done")).toHaveLength(1);
    }
    await setting.endsEmpty(...children);
    const runs = started.reduce((sum, child) => sum + child.runs.length, 0);
    expect(runs).toBeLessThanOrEqual(jobs.length + started.length - children.length);
  });
});

describe.skipIf(!rabbitmq.available)(rabbitmq.title("workers with a short acknowledgement timeout of RabbitMQ"), () => {
  let server: Rabbitmq;
  beforeAll(async () => {
    server = await startRabbitmq({ config: ["consumer_timeout = 1000"], settings: { channel_tick_interval: 500 } });
  });
  afterAll(() => server?.stop());

  test("a run many times as long as the timeout runs once, and the other messages of its worker reach no delivery limit", async () => {
    const setting = await openSetting(server.url, { deliveryLimit: 2 });
    const worker = await setting.start({ concurrency: 2, prefetch: 3, recoverEveryMs: 1_000 });
    for (const id of ["a", "b", "c"]) await setting.request(id);
    await vi.waitUntil(() => worker.runs.length === 2, PATIENCE);
    const startedAt = performance.now();
    await vi.waitUntil(() => performance.now() - startedAt > 8_000, PATIENCE);
    for (const run of worker.runs) run.finish();
    await vi.waitUntil(() => worker.runs.length === 3, PATIENCE);
    worker.run.finish();
    for (const id of ["a", "b", "c"]) await setting.reaches(id, "done");
    await setting.endsEmpty(worker);
    const runs = worker.runs.map(({ jobId, attempt, abortedWith }) => [jobId, attempt, abortedWith]);
    expect(runs.toSorted()).toEqual([
      ["a", 1, null],
      ["b", 1, null],
      ["c", 1, null],
    ]);
  });
});
