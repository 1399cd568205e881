import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { createDashboard } from "../src/dashboard.js";
import { createJobStore, type JobStoreDriver } from "../src/index.js";
import { jobIn, report } from "../src/lib/contract/definitions.js";
import type { CallName } from "../src/lib/dashboard/protocol.js";
import { redisDriver } from "../src/redis.js";
import { clientOf, linesOf, newRequestId, openDashboard, requestOf } from "./dashboard-client.js";
import { PrivateRedis, startCluster } from "./redis-store.js";

const { available, title } = privateServer("redis");

/** Views, with a body that shows jobs. */
const VIEWS: readonly (readonly [CallName, object])[] = [
  ["open", {}],
  ["overview", {}],
  ["endings", {}],
  ["durations", {}],
  ["jobs", {}],
  ["jobs", { status: "waiting" }],
  ["jobs", { status: "waiting", order: "oldest", limit: 500 }],
  ["jobs", { where: { label: "red" } }],
  ["jobs", { status: "waiting", where: { label: "red" } }],
  ["jobs", { after: "2020-01-01T00:00:00Z" }],
  ["job", { id: "job-1" }],
  ["counts", { where: { label: "red" } }],
  ["workers", {}],
  ["outbox", { kind: "waiting" }],
  ["outbox", { kind: "scheduled" }],
  ["outbox", { kind: "rejected" }],
];

const DAY = 86_400_000;

/** Number of jobs of the large store. `DASHBOARD_JOBS=1000000` takes some minutes. */
const MANY = Number(process.env.DASHBOARD_JOBS ?? 50_000);

/** Creates jobs. Each fifth fails and sends messages, of which half are scheduled and a quarter is rejected. */
async function fill(driver: JobStoreDriver, from: number, to: number, messages: number) {
  const store = createJobStore({ job: report, driver });
  try {
    for (let first = from; first < to; first += 5000) {
      const ids = Array.from({ length: Math.min(5000, to - first) }, (_, n) => `job-${first + n}`);
      await store.createMany(ids.map((id, n) => ({ id, data: { title: id, label: n % 2 === 0 ? "red" : "blue" } })));
      const failed = ids.filter((_, n) => n % 5 === 0);
      await Promise.all(
        failed.map((id, n) => {
          const outbox = Array.from({ length: messages }, (_, m) => {
            return { queue: "reports", payload: id, ...((n + m) % 2 === 0 && { delayMs: DAY }) };
          });
          return store.updateStatus(id, "failed", { outbox });
        }),
      );
      const read = await store.outbox.read({ limit: Math.ceil((failed.length * messages) / 4) });
      await store.outbox.reject(
        read.map(({ entryId }) => entryId),
        "The queue is unknown.",
      );
    }
  } finally {
    await store.close();
  }
}

describe.skipIf(!available)(title("the dashboard on servers"), () => {
  const redis = new PrivateRedis();

  test(`each view sends the same commands with 1,000 and with ${MANY} jobs`, { timeout: 1_800_000 }, async () => {
    // A busy machine can take longer than the default.
    const timeoutMs = 60_000;
    const driver = redisDriver({ url: redis.url, timeoutMs });
    /** Returns the commands that each view sends, with those that scripts run. */
    const commandsOf = async () => {
      const { client, store } = openDashboard({ driver: redisDriver({ url: redis.url, timeoutMs }) });
      await store.get("job-1");
      const numbers: Record<string, readonly [sent: number, read: number]> = {};
      for (const [name, body] of VIEWS) {
        // The first call can load scripts and read the clock.
        await client.call(name, body);
        const sent = await redis.sentDuring(() => client.call(name, body));
        const commands = sent.filter(({ args: [command] }) => command?.toLowerCase() !== "ping");
        const within = commands.reduce((sum, one) => sum + one.within.length, 0);
        numbers[`${name} ${JSON.stringify(body)}`] = [commands.length, within];
      }
      return numbers;
    };
    // The view of a job searches the oldest 1,000 messages of each kind, so both stores have more.
    await fill(driver, 0, 1000, 20);
    const few = await commandsOf();
    await fill(driver, 1000, MANY, 1);
    const many = await commandsOf();
    expect(Object.keys(many)).toEqual(Object.keys(few));
    for (const [view, [sent, within]] of Object.entries(many)) {
      const [fewSent, fewWithin] = few[view] ?? [0, 0];
      expect([view, sent]).toEqual([view, fewSent]);
      // A binary search in a larger index takes a few more steps.
      expect(within).toBeLessThanOrEqual(fewWithin + 100);
    }
  });

  describe.each([
    ["Redis", async () => redisDriver({ url: redis.url })],
    ["a cluster", async () => redisDriver(await startCluster())],
  ])("the dashboard of %s", (_, start) => {
    test("shows, changes and watches jobs", async () => {
      const driver = await start();
      const { store, dashboard, client } = openDashboard({ driver, by: () => "alice" });
      for (let n = 0; n < 30; n++) await jobIn(store, n % 3 === 0 ? "failed" : "waiting", `job-${n}`);
      const overview = await client.call("overview", {});
      expect(overview.counts).toMatchObject({ waiting: 20, failed: 10 });
      expect(overview.minutes.created.reduce((sum, count) => sum + count, 0)).toBe(30);
      const page = await client.call("jobs", { status: "failed", limit: 4 });
      expect(page).toMatchObject({ total: 10 });
      expect(await client.call("job", { id: "job-0" })).toMatchObject({ status: "failed", version: 2 });

      const stop = new AbortController();
      onTestFinished(() => stop.abort());
      const request = new Request(requestOf("watch", { store: "reports" }), { signal: stop.signal });
      const lines = linesOf(await dashboard.fetch(request));
      expect((await lines.next()).value).toMatchObject({ changed: null, counts: { failed: 10 } });
      const chosen = { filter: { status: "failed" }, shownAt: page.now, confirmed: 10 };
      const outcomes = await client.actOnAll({ name: "retry", chosen, to: "waiting" });
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(new Array(10).fill("done"));
      const changed = new Set<string>();
      for await (const line of lines) {
        for (const id of line.changed ?? []) changed.add(id);
        if (line.counts.waiting === 30 && changed.size === 10) break;
      }
      expect((await store.get("job-0"))?.history.at(-1)).toMatchObject({ to: "waiting", by: "alice" });
    });

    test("acts once if a request is repeated by another process", async () => {
      const driver = await start();
      const { store, client } = openDashboard({ driver });
      const other = openDashboard({ driver });
      const failed = await jobIn(store, "failed", "a");
      const message = { queue: "reports", payload: "1" };
      const chosen = { jobs: [{ id: "a", version: failed.version }] };
      const requestId = newRequestId();
      for (const one of [client, other.client, client]) {
        const { outcomes } = await one.act({ name: "retry", chosen, to: "waiting", message }, requestId);
        expect(outcomes).toEqual([{ id: "a", outcome: "done", message: null }]);
      }
      expect(await store.outbox.depth()).toBe(1);
      expect(await store.get("a")).toMatchObject({ version: failed.version + 1 });
    });
  });

  test("the dashboard shows that Redis is unavailable, and continues when it is available again", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const driver = redisDriver({ url: server.url, timeoutMs: 2000 });
    const store = createJobStore({ job: report, driver });
    const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true });
    onTestFinished(async () => {
      await dashboard.close();
      await store.close();
    });
    const client = clientOf(dashboard);
    const create = (id: string) => vi.waitFor(() => store.create({ title: "One" }, { id }), 60_000);
    await create("a");
    const lines = linesOf(await dashboard.fetch(requestOf("watch", { store: "reports" })));
    await lines.next();
    await server.kill("SIGSTOP");
    const failed = await client.failure("jobs", {});
    expect(failed).toMatchObject({ status: 503, code: "UNAVAILABLE" });
    await server.kill("SIGCONT");
    await vi.waitFor(async () => expect((await client.call("jobs", {})).total).toBe(1), 60_000);
    await create("b");
    for await (const line of lines) if (line.counts.waiting === 2) break;
  });
});
