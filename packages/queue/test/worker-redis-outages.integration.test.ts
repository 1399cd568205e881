import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { startSentinel } from "../../../test/servers/redis-sentinel.js";
import { server } from "../../../test/servers/require.js";
import type { ChildSettings } from "./worker-servers/child-protocol.js";
import type { Child } from "./worker-servers/children.js";
import { openSetting, type Setting } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Resolves after a time that the case needs, measured from `startedAt`. */
function passed(ms: number, startedAt: number): Promise<unknown> {
  return vi.waitUntil(() => performance.now() - startedAt > ms, PATIENCE);
}

/** Time after which the sentinel starts a failover. The replica may have lost its master for ten times as long. */
const DOWN_AFTER_MS = 3_000;

/** Redis that loses changes, and a setting that uses it. */
interface Losing {
  readonly setting: Setting;
  /** Options of worker processes. */
  readonly child: Pick<ChildSettings, "redis"> | Record<string, never>;
  /** Keeps all changes so far. Redis loses the later ones. */
  keep(): Promise<void>;
  /** Ends Redis, and lets these workers notice it. Resolves when Redis is available again. */
  fail(workers: readonly Child[]): Promise<void>;
}

/** Opens a Redis that is restarted with the data that it had at a time. */
async function openWithSnapshot(): Promise<Losing> {
  const redis = await startRedis();
  return {
    setting: await openSetting(url, { redis }),
    child: {},
    keep: async () => {
      const client = new Redis(redis.url);
      await client.save();
      client.disconnect();
    },
    fail: async (workers) => {
      await redis.kill();
      const startedAt = performance.now();
      for (const worker of workers) {
        await vi.waitFor(async () => expect(await worker.state()).toBe("waiting"), PATIENCE);
      }
      // The worker remembers its last acknowledgements for as long as Redis is unavailable.
      await passed(6_000, startedAt);
      await redis.restart();
    },
  };
}

/** Opens a Redis with a replica, which a sentinel promotes when the master ends. */
async function openReplicated(): Promise<Losing & { replicated(): Promise<void> }> {
  const master = await startRedis();
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", `${master.port}`] });
  onTestFinished(() => replica.stop());
  const sentinel = await startSentinel(master, "films", DOWN_AFTER_MS);
  onTestFinished(() => sentinel.stop());
  const client = new Redis(master.url);
  const observer = new Redis(sentinel.port);
  onTestFinished(() => {
    client.disconnect();
    observer.disconnect();
  });
  for (const connection of [client, observer]) connection.on("error", () => {});
  await vi.waitFor(async () => expect(await observer.call("SENTINEL", "REPLICAS", "films")).toHaveLength(1), PATIENCE);
  const driver = { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "films" };
  const setting = await openSetting(url, { redis: master, driver });
  const replicated = async () => {
    // WAIT waits for the changes of its own connection.
    await client.set("kept", 1);
    expect(await client.wait(1, PATIENCE.timeout)).toBe(1);
  };
  return {
    setting,
    child: { redis: { sentinelPort: sentinel.port, name: "films" } },
    replicated,
    keep: async () => {
      await replicated();
      await client.call("ACL", "SETUSER", "default", "-psync", "-sync");
      await client.call("CLIENT", "KILL", "TYPE", "replica");
    },
    fail: async () => {
      client.disconnect();
      await master.kill();
      const promoted = new Redis(replica.url);
      onTestFinished(() => promoted.disconnect());
      await vi.waitFor(async () => expect(await promoted.role()).toContain("master"), PATIENCE);
    },
  };
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("workers while Redis fails"), () => {
  test("after an outage longer than the leases, and without its scripts, every worker keeps its jobs", async () => {
    const redis = await startRedis({ args: PERSISTENT });
    const setting = await openSetting(url, { redis });
    const heartbeatMs = 1_500;
    const worker = await setting.start({ concurrency: 8, heartbeatMs });
    const other = await setting.start({ heartbeatMs });
    const ids = Array.from({ length: 9 }, (_, n) => `job-${n}`);
    for (const id of ids) await setting.request(id);
    const runs = () => [...worker.runs, ...other.runs];
    await vi.waitUntil(() => runs().length === ids.length, PATIENCE);
    await redis.kill();
    const startedAt = performance.now();
    // One outcome comes during the outage.
    worker.runs[0]?.finish();
    await passed(5 * heartbeatMs + 500, startedAt);
    await redis.restart();
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    await client.script("FLUSH");
    await setting.reaches(worker.runs[0]?.jobId ?? "", "done");
    await vi.waitFor(async () => expect(await worker.state()).toBe("running"), PATIENCE);
    for (const id of ids.filter((id) => id !== worker.runs[0]?.jobId)) {
      expect(Number((await setting.store.get(id))?.leasedUntil)).toBeGreaterThan(Date.now());
    }
    for (const run of runs()) run.finish();
    for (const id of ids) await setting.reaches(id, "done");
    await setting.endsEmpty(worker, other);
    expect(runs()).toHaveLength(ids.length);
    expect(runs().map(({ abortedWith, attempt }) => [abortedWith, attempt])).toEqual(ids.map(() => [null, 1]));
  });

  test("after a failover to a replica that has all changes, no run is aborted or repeated", async () => {
    const { setting, child, replicated, fail } = await openReplicated();
    const workers = [await setting.start({ ...child, concurrency: 8 }), await setting.start(child)];
    const ids = Array.from({ length: 9 }, (_, n) => `job-${n}`);
    for (const id of ids) await setting.request(id);
    const runs = () => workers.flatMap((worker) => worker.runs);
    await vi.waitUntil(() => runs().length === ids.length, PATIENCE);
    await replicated();
    await fail(workers);
    for (const worker of workers) {
      await vi.waitFor(async () => expect(await worker.state()).toBe("running"), PATIENCE);
    }
    for (const id of ids) expect(await setting.status(id)).toBe("rendering");
    for (const run of runs()) run.finish();
    for (const id of ids) await setting.reaches(id, "done");
    await setting.endsEmpty(...workers);
    expect(runs().map(({ abortedWith, attempt }) => [abortedWith, attempt])).toEqual(ids.map(() => [null, 1]));
  });

  test.each([
    ["a restart with older data", openWithSnapshot],
    ["a failover to a replica", openReplicated],
  ] as const)("%s loses claims and outcomes: every job that Redis still knows ends", async (_, open) => {
    const { setting, child, keep, fail } = await open();
    const first = await setting.start({ ...child, heartbeatMs: 1_000 });
    await setting.request("outcome");
    await vi.waitUntil(() => first.runs.length === 1, PATIENCE);
    // The only worker is busy, so these messages wait in the queue.
    for (const id of ["claim", "claim-and-outcome"]) await setting.request(id);
    await vi.waitFor(async () => expect(await setting.store.outbox.depth()).toBe(0), PATIENCE);
    await keep();

    const second = await setting.start({ ...child, heartbeatMs: 1_000, concurrency: 4 });
    await setting.request("created");
    await vi.waitUntil(() => second.runs.length === 3, PATIENCE);
    first.run.finish();
    second.runs.find(({ jobId }) => jobId === "claim-and-outcome")?.finish();
    for (const id of ["outcome", "claim-and-outcome"]) await setting.reaches(id, "done");
    await fail([second]);
    const finish = setInterval(() => {
      for (const run of [...first.runs, ...second.runs]) run.finish();
    }, 50);
    onTestFinished(() => clearInterval(finish));
    for (const id of ["outcome", "claim", "claim-and-outcome"]) {
      await setting.reaches(id, "done");
      const { history = [] } = (await setting.store.get(id)) ?? {};
      expect(history.filter(({ to }) => to === "done")).toHaveLength(1);
    }
    await setting.endsEmpty(first, second);
    expect(await setting.status("created")).toBeUndefined();
    const ran = [...first.runs, ...second.runs].map(({ jobId }) => jobId);
    expect(ran.toSorted()).toEqual(
      "claim claim claim-and-outcome claim-and-outcome created outcome outcome".split(" "),
    );
    const events = [...first.events, ...second.events];
    expect(events).toContainEqual(expect.objectContaining({ type: "lost", jobId: "claim" }));
    expect(events).toContainEqual(expect.objectContaining({ type: "skipped", jobId: "created", reason: "missing" }));
  });
});
