import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, createReporter, type Job } from "../src/index.js";
import { type Report, report, type Status } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { ReporterChild } from "./reporter-child.js";
import { JournalFolder } from "./reporter-files.js";
import { type Rejection, told } from "./reporter-fixture.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("a reporter on Redis"), () => {
  let redis: PrivateServer;

  beforeAll(async () => {
    redis = await startRedis({ args: PERSISTENT });
  });
  afterAll(() => redis.stop());

  function open({
    url = redis.url,
    timeoutMs = 300,
    journalPath,
  }: {
    url?: string;
    timeoutMs?: number;
    journalPath?: string;
  } = {}) {
    const store = createJobStore({ job: report, driver: redisDriver({ url, timeoutMs }) });
    const rejected: Rejection[] = [];
    const reporter = createReporter(store, { journalPath, onRejected: (change) => rejected.push(change) });
    onTestFinished(async () => {
      await reporter.close();
      await store.close();
    });
    return { store, reporter, rejected };
  }

  test("that is killed and comes back has every change, once and in order, though nobody waited for it", async () => {
    const folder = new JournalFolder();
    const { reporter, rejected } = open({ journalPath: folder.file() });
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

  describe("that is hard to reach", () => {
    let proxy: TcpProxy;
    beforeAll(async () => {
      proxy = await startTcpProxy(redis);
      return () => proxy.close();
    });
    const viaProxy = () => open({ url: `redis://127.0.0.1:${proxy.port}` });

    for (const way of ["by id", "by snapshot"] as const) {
      test(`carries a change ${way} out once although its answers are lost`, async () => {
        const { store, reporter, rejected } = viaProxy();
        const { job } = await store.create({ title: "One" }, { id: `lost-${way.replace(" ", "-")}` });
        await store.updateStatus(job.id, "failed"); // So that the scripts are known, and no first reply is about them.
        const again = await store.updateStatus(job.id, "waiting");
        await store.updateStatus(again, "working");
        const target = way === "by id" ? job.id : ((await store.get(job.id)) as Job<Report>);
        const other = open();
        proxy.swallowReplies();
        expect(await reporter.report(target, "working")).toBe("pending");
        expect(await other.store.get(job.id)).toMatchObject({ version: 5 });
        expect(await reporter.report(target, "done")).toBe("pending");
        proxy.heal();
        proxy.cut();
        await reporter.flush();
        expect(rejected).toEqual([]);
        expect(told(await store.get(job.id))).toBe("1 waiting, 2 failed, 3 waiting, 4 working, 5 working, 6 done");
      });
    }

    test("is a server that hangs: nothing that it was sent meanwhile is carried out later besides", async () => {
      const { store, reporter, rejected } = viaProxy();
      const { job } = await store.create({ title: "One" }, { id: "hung" });
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
      expect(await store.get(job.id)).toMatchObject({ status: "working", version: 3, progress: { done: 3 } });
    });
  });

  test("makes each change once, although the processes that replay it are killed over and over", async () => {
    const folder = new JournalFolder();
    const { store } = open();
    const ids = Array.from({ length: 200 }, (_, n) => `replayed-${n}`);
    for (const id of ids) await store.create({ title: "One" }, { id });
    await redis.kill();
    const first = new ReporterChild(
      `
      const ids = ${JSON.stringify(ids)};
      for (const to of ["working", "working", "checking", "working"]) {
        const answers = await Promise.all(ids.map((id) => reporter.report(id, to, { outbox: [{ queue: "q", payload: to }] })));
        say(to + " " + answers.filter((answer) => answer === "pending").length);
      }
      setInterval(() => {}, 1000);
      `,
      redis.url,
      folder.file(),
    );
    await expect.poll(() => first.lines).toEqual(["working 200", "working 200", "checking 200", "working 200"]);
    await first.kill();
    await redis.restart();
    for (const waiting of [780, 500, 200]) {
      const child = new ReporterChild(
        `setInterval(() => { if (reporter.pending <= ${waiting}) say("there"); }, 1); say(reporter.pending);`,
        redis.url,
        folder.file(),
      );
      await expect.poll(() => child.lines.includes("there"), { interval: 1 }).toBe(true);
      await child.kill();
    }
    const last = open({ journalPath: folder.file() });
    await last.reporter.flush();
    expect(last.rejected).toEqual([]);
    for (const job of await store.getMany(ids)) {
      expect(told(job)).toBe("1 waiting, 2 working, 3 working, 4 checking, 5 working");
    }
    expect(await store.outbox.depth()).toBe(800);
  });
});
