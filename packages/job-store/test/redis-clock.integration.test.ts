import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { privateServer } from "../../../test/servers/require.js";
import { startTelemetry } from "../../../test/telemetry.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { instrument } from "../src/opentelemetry.js";
import { redisDriver } from "../src/redis.js";
import { failureOf, startCluster, startOne } from "./redis-store.js";
import { runHere } from "./run-cli.js";
import { setClock } from "./skip-time.js";

const { available, title } = privateServer("redis");
const HOUR = 3_600_000;

describe.skipIf(!available)(title("A host whose clock differs from the server's"), () => {
  test.each([
    ["one server", startOne],
    ["a cluster", startCluster],
  ])("does not wait for a job after it has expired, on %s", { timeout: 60_000 }, async (_, start) => {
    const driver = redisDriver(await start());
    const store = createJobStore({ job: report, driver, ttlSeconds: { waiting: 1 } });
    onTestFinished(() => store.close());
    setClock(-HOUR);
    await store.create({ title: "One" }, { id: "a" });
    expect(await failureOf(store.waitFor("a"))).toMatchObject({ code: "NOT_FOUND" });
  });

  test.each([
    ["an hour behind", -HOUR],
    ["an hour ahead", HOUR],
  ])("delays messages by the server's clock, also with a new reader: %s", async (_, aheadMs) => {
    const { url } = await startOne();
    const open = () => {
      const store = createJobStore({ job: report, driver: redisDriver({ url }) });
      onTestFinished(() => store.close());
      return store;
    };
    setClock(aheadMs);
    const writer = open();
    const outbox = [HOUR + 60_000, 500].map((delayMs) => ({ queue: "reports", payload: delayMs, delayMs }));
    const { job } = await writer.create({ title: "One" }, { outbox });
    await writer.close();
    const reader = open();
    const at = new Date(job.createdAt.getTime() + 500);
    expect(await reader.outbox.read({ waitMs: 60_000 })).toMatchObject([{ payload: 500, at }]);
    expect([await reader.outbox.scheduled(), await reader.outbox.oldest()]).toEqual([1, at]);
  });

  test.each([
    ["an hour behind", -HOUR],
    ["an hour ahead", HOUR],
  ])("reports the age of a message by the server's clock: %s", async (_, aheadMs) => {
    const { url } = await startOne();
    const admin = new Redis(url);
    onTestFinished(() => admin.disconnect());
    const shards = new Redis(url, { lazyConnect: true });
    const metrics: ReturnType<typeof startTelemetry>[] = [];
    for (const [options, outbox] of [
      [{ url }, "jobs:outbox"],
      [{ client: shards, shards: 2, keyPrefix: "sharded:" }, "sharded:{jobs-1}:jobs:outbox"],
    ] as const) {
      const telemetry = startTelemetry();
      metrics.push(telemetry);
      const { tracerProvider, meterProvider } = telemetry;
      const driver = instrument(redisDriver(options), { tracerProvider, meterProvider });
      const store = createJobStore({ job: report, driver });
      onTestFinished(() => store.close());
      await store.create({ title: "One" }, { id: "a" });
      const [seconds] = await admin.time();
      await admin.xadd(outbox, `${(Number(seconds) - 7200) * 1000}-0`, "job", "a", "id", '"1"', "message", "{}");
    }
    setClock(aheadMs);
    for (const { dataPoints } of metrics) {
      expect(await dataPoints("subtitles.outbox.age")).toMatchObject([{ value: expect.closeTo(7200, -3) }]);
    }
    const { out } = await runHere(["outbox", "--output", "table"], { REDIS_URL: url });
    expect(out).toMatch(/ 7[2-4]\d\d s /);
  });
});
