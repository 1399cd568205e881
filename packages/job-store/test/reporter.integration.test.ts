import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, createReporter, type Job, type JobStoreDriver } from "../src/index.js";
import { type Report, report, type Status } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { type Rejection, told } from "./reporter-fixture.js";
import { Outage } from "./reporter-outage.js";
import { skippableTime } from "./skip-time.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("a reporter on Redis"), () => {
  let redis: PrivateServer;

  beforeAll(async () => {
    redis = await startRedis({ args: PERSISTENT });
  });
  afterAll(() => redis.stop());

  function open({ url = redis.url, timeoutMs = 300, driver = redisDriver({ url, timeoutMs }) as JobStoreDriver } = {}) {
    const store = createJobStore({ job: report, driver });
    const rejected: Rejection[] = [];
    const reporter = createReporter(store, { onRejected: (change) => rejected.push(change) });
    onTestFinished(async () => {
      await reporter.close();
      await store.close();
    });
    return { store, reporter, rejected };
  }

  test("applies every change once, in order, after Redis is killed and restarted", async () => {
    const { reporter, rejected } = open();
    const jobs: Job<Report>[] = [];
    const { store: patient } = open({ timeoutMs: 60_000 });
    for (let n = 0; n < 40; n++) jobs.push((await patient.create({ title: "One" }, { id: `killed-${n}` })).job);
    const steps: Status[] = ["working", "checking", "working", "working", "checking", "done"];
    const answers: string[] = [];
    let killed: Promise<void> | undefined;
    const workers = jobs.map(async (job, n) => {
      for (const to of steps) {
        answers.push(await reporter.report(n % 2 === 0 ? job : job.id, to));
        if (answers.length === 60) killed = redis.kill();
        reporter.progress(n % 2 === 0 ? job : job.id, { done: 1 });
      }
    });
    await Promise.all(workers);
    await killed;
    expect(answers).toContain("pending");
    expect(answers).not.toContain("rejected");
    await redis.restart();
    await reporter.flush();
    expect(rejected).toEqual([]);
    for (const job of await patient.getMany(jobs.map(({ id }) => id))) {
      expect(told(job)).toBe("1 waiting, 2 working, 3 checking, 4 working, 5 working, 6 checking, 7 done");
    }
  });

  describe("with an unreliable connection", () => {
    let proxy: TcpProxy;
    beforeAll(async () => {
      proxy = await startTcpProxy(redis);
      return () => proxy.close();
    });
    const viaProxy = (timeoutMs: number) => open({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs });

    for (const way of ["by id", "by snapshot"] as const) {
      test(`applies a change ${way} once, although the replies are lost`, async () => {
        const skip = skippableTime();
        const { store, reporter, rejected } = viaProxy(60_000);
        const { job } = await store.create({ title: "One" }, { id: `lost-${way.replace(" ", "-")}` });
        await store.updateStatus(job.id, "failed"); // Loads the scripts, so that no lost reply is a NOSCRIPT error.
        const again = await store.updateStatus(job.id, "waiting");
        await store.updateStatus(again, "working");
        const target = way === "by id" ? job.id : ((await store.get(job.id)) as Job<Report>);
        const other = open({ timeoutMs: 60_000 });
        proxy.swallowReplies();
        const answer = reporter.report(target, "working");
        await vi.waitFor(async () => expect(await other.store.get(job.id)).toMatchObject({ version: 5 }), PATIENCE);
        skip(60_000);
        expect(await answer).toBe("pending");
        expect(await reporter.report(target, "done")).toBe("pending");
        proxy.heal();
        proxy.cut();
        await reporter.flush();
        expect(rejected).toEqual([]);
        expect(told(await store.get(job.id))).toBe("1 waiting, 2 failed, 3 waiting, 4 working, 5 working, 6 done");
      });
    }

    test("applies a change once, although Redis hangs and receives it later", async () => {
      const { store: patient } = open({ timeoutMs: 60_000 });
      const { job } = await patient.create({ title: "One" }, { id: "hung" });
      const { store, reporter, rejected } = viaProxy(300);
      // The connection is open then, so that the first change is sent.
      await vi.waitFor(() => store.get(job.id), PATIENCE);
      await redis.kill("SIGSTOP");
      try {
        expect(await reporter.report(job, "working")).toBe("pending");
        expect(await reporter.report(job, "working")).toBe("pending");
        reporter.progress(job, { done: 3 });
      } finally {
        await redis.kill("SIGCONT");
      }
      await reporter.flush();
      expect(rejected).toEqual([]);
      expect(await patient.get(job.id)).toMatchObject({ status: "working", version: 3, progress: { done: 3 } });
    });
  });

  test("applies each change once, although Redis is killed again and again during the replay", async () => {
    const outage = new Outage(redisDriver({ url: redis.url, timeoutMs: 300 }));
    const { reporter, rejected } = open({ driver: outage.driver });
    const { store: patient } = open({ timeoutMs: 60_000 });
    const ids = Array.from({ length: 200 }, (_, n) => `replayed-${n}`);
    await patient.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    const snapshots = await patient.getMany(ids);
    await redis.kill();
    const steps: Status[] = ["working", "working", "checking", "working"];
    const answers = steps.flatMap((to) =>
      snapshots.map((job, n) =>
        reporter.report(n % 2 === 0 ? (job as Job<Report>) : (ids[n] as string), to, {
          outbox: [{ queue: "q", payload: to }],
        }),
      ),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["pending"]));
    expect(reporter.pending).toBe(800);
    let restarted = redis.restart();
    let killed = Promise.resolve();
    let moves = 0;
    outage.fate = async (verb) => {
      if (verb === "updateStatus" && [100, 350, 700].includes(++moves)) {
        killed = restarted.then(() => redis.kill());
        restarted = killed.then(() => redis.restart());
      }
      // Nothing else is sent until Redis is killed, so that changes are left for the next time.
      await killed;
      return "answered" as const;
    };
    await reporter.flush();
    await restarted;
    expect(rejected).toEqual([]);
    for (const job of await patient.getMany(ids)) {
      expect(told(job)).toBe("1 waiting, 2 working, 3 working, 4 checking, 5 working");
    }
    expect(await patient.outbox.depth()).toBe(800);
  });
});
