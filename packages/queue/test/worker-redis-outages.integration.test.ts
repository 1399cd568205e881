import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { server } from "../../../test/servers/require.js";
import { openSetting } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Resolves after a time that the case needs, measured from `startedAt`. */
function passed(ms: number, startedAt: number): Promise<unknown> {
  return vi.waitUntil(() => performance.now() - startedAt > ms, PATIENCE);
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

  test("Redis loses claims and outcomes of the last second: every job that it still knows ends", async () => {
    const redis = await startRedis();
    const setting = await openSetting(url, { redis });
    const first = await setting.start({ heartbeatMs: 1_000 });
    await setting.request("outcome");
    await vi.waitUntil(() => first.runs.length === 1, PATIENCE);
    // The only worker is busy, so these messages wait in the queue.
    for (const id of ["claim", "claim-and-outcome"]) await setting.request(id);
    await vi.waitFor(async () => expect(await setting.store.outbox.depth()).toBe(0), PATIENCE);
    const client = new Redis(redis.url);
    await client.save();
    client.disconnect();

    const second = await setting.start({ heartbeatMs: 1_000, concurrency: 4 });
    await setting.request("created");
    await vi.waitUntil(() => second.runs.length === 3, PATIENCE);
    first.run.finish();
    second.runs.find(({ jobId }) => jobId === "claim-and-outcome")?.finish();
    for (const id of ["outcome", "claim-and-outcome"]) await setting.reaches(id, "done");
    await redis.kill();
    const startedAt = performance.now();
    await vi.waitFor(async () => expect(await second.state()).toBe("waiting"), PATIENCE);
    // The worker remembers its last acknowledgements for as long as Redis is away.
    await passed(6_000, startedAt);
    await redis.restart();
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
