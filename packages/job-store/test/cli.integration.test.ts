import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { type Activity, createJobStore } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { cli, environment, lines, openPlace, redis } from "./cli-place.js";

const own = privateServer("redis");

const bin = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

/** Runs the built command in a process. */
function start(prefix: string, args: readonly string[]) {
  const env = { ...process.env, ...environment(prefix) };
  return spawn(process.execPath, [bin, ...args], { env, timeout: 120_000 });
}

describe.skipIf(redis.url === null)(redis.title("The command line"), () => {
  const client = new Redis(redis.url ?? "", { lazyConnect: true });
  afterAll(() => client.disconnect());

  test("list, counts and get use the statuses of the stored definition", async () => {
    const { run, store } = await openPlace();
    const listed = await run(["list", "--status", "failed,done"]);
    expect(listed).toMatchObject({ code: 0, err: "" });
    expect(lines(listed.out).map(({ id, status }) => [id, status])).toEqual([
      ["c", "done"],
      ["b", "failed"],
    ]);
    expect(lines((await run(["counts"])).out)).toEqual([await store.counts()]);
    const labelled = await run(["counts", "--where", "label=blue"]);
    expect(lines(labelled.out)).toEqual([await store.counts({ where: { label: "blue" } })]);
    expect(lines(labelled.out)).toMatchObject([{ waiting: 1, failed: 0, done: 0 }]);
    expect(lines((await run(["get", "b"])).out)).toEqual([JSON.parse(JSON.stringify(await store.get("b")))]);
    expect(lines((await run(["list", "--where", "label=blue"])).out)).toMatchObject([{ id: "a" }]);
  });

  test("activity shows the jobs of the last hour, by status and by creation", async () => {
    const { run } = await openPlace();
    const shown = await run(["activity"]);
    expect(shown).toMatchObject({ code: 0, err: "" });
    const { created, entered, timeouts, from }: Omit<Activity<Report>, "from"> & { readonly from: string } = JSON.parse(
      shown.out,
    );
    expect(Object.keys(entered)).toEqual(Object.keys(report.statuses));
    const sum = (minutes: readonly number[]) => minutes.reduce((total, count) => total + count, 0);
    expect(created).toHaveLength(60);
    expect([sum(created), sum(entered.waiting), sum(entered.failed), sum(entered.working)]).toEqual([3, 1, 1, 0]);
    expect(timeouts).toEqual({ withinHour: 0, overdue: 0 });
    expect(from).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/);
    const table = await run(["activity", "--output", "table"]);
    expect(table.out).toMatch(/^jobs +last hour +last 10 min +most in 1 min\nentered waiting +1 +1 +1\n/);
    expect(table.out).toMatch(/\ncreated +3 +3 +\d\n\ntimeouts +jobs\nwithin the hour +0\noverdue +0\n$/);
  });

  test("list continues from a cursor, and reads all pages with --all", async () => {
    const { run } = await openPlace();
    const ids = (out: string) => lines(out).map(({ id }) => id);
    const limited = await run(["list", "--limit", "2", "--oldest"]);
    expect(ids(limited.out)).toEqual(["a", "b"]);
    const [, cursor = ""] =
      /^There are more jobs\. Add --cursor (\S+) for the next page, or --all\.\n$/.exec(limited.err) ?? [];
    const rest = await run(["list", "--limit", "2", "--oldest", "--cursor", cursor]);
    expect(rest).toMatchObject({ code: 0, err: "" });
    expect(ids(rest.out)).toEqual(["c"]);
    expect(await run(["list", "--cursor", cursor])).toMatchObject({ code: 2, err: expect.stringContaining("cursor") });
    expect(ids((await run(["list", "--all", "--cursor", cursor, "--oldest"])).out)).toEqual(["c"]);
  });

  test("list shows fifty jobs, and with --all every job, as JSON lines and in one table", async () => {
    const { run, store } = await openPlace();
    // More jobs than one page of the store.
    await store.createMany(Array.from({ length: 1100 }, (_, n) => ({ id: `n${n}`, data: { title: String(n) } })));
    const some = await run(["list"]);
    expect(lines(some.out)).toHaveLength(50);
    expect(some.err).toContain("There are more");
    const all = await run(["list", "--all"]);
    expect(all).toMatchObject({ code: 0, err: "" });
    expect(new Set(lines(all.out).map(({ id }) => id)).size).toBe(1103);
    const { out } = await run(["list", "--all", "--output", "table"]);
    expect(out.match(/^id /gm)).toHaveLength(1);
    expect(out.split("\n")).toHaveLength(1 + 1103 + 1);
  });

  test("tables contain no control characters of the data", async () => {
    const { run } = await openPlace();
    const { out } = await run(["list", "--output", "table", "--oldest"]);
    const [heading, first, second] = out.split("\n");
    expect(heading).toMatch(/^id +status +since +attempt +created +data +error$/);
    expect(first).toMatch(/^a +waiting +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +1 .*"title":"Q1"/);
    expect(second).toMatch(/no {2}\[31mpaper$/);
    expect((await run(["get", "c", "--output", "table"])).out).toMatch(/waiting +working +w1/);
    expect((await run(["counts", "--output", "table"])).out).toContain("waiting    1");
  });

  test("does not change the stored description and the status codes", async () => {
    const { run, prefix } = await openPlace();
    const before = await client.hgetall(`${prefix}jobs:metadata`);
    await run(["list"]);
    await run(["set-status", "a", "working"]);
    expect(await client.hgetall(`${prefix}jobs:metadata`)).toEqual({ ...before, events: expect.any(String) });
    expect(before.description).toContain('"failed":{"next":["waiting","abandoned"],"final":true,"ttlMs":60000');
  });

  test("export and import copy every job, with its history and its index values", async () => {
    const { run, store, prefix } = await openPlace();
    const exported = await run(["export"]);
    expect(exported).toMatchObject({ code: 0, err: "3 jobs exported.\n" });
    const before = (await store.list({ order: "oldest" })).items;
    await run(["delete", "--status", "waiting,failed", "--yes"]);
    // Editors and PowerShell write a byte order mark first.
    const imported = await run(["import"], `\uFEFF${exported.out}\n{"id":"d","fields":null}\nno json\n`);
    expect(lines(imported.out)).toEqual([{ imported: 2, present: 1, refused: 2 }]);
    expect(imported.code).toBe(1);
    expect(imported.err).toMatch(
      /^Line 5: .*\nLine 6: .*\n1 imported job is not final and has no outbox message\. .* set-status <id> .*\n$/,
    );
    expect((await store.list({ order: "oldest" })).items).toEqual(before);
    expect((await run(["import"], exported.out)).err).toBe("");
    expect((await store.list({ where: { owner: "Ann" } })).items).toMatchObject([{ id: "b" }]);
    expect(await client.exists(`${prefix}job:d`)).toBe(0);
  });

  test("watch prints each change immediately, and exits with 0 on an interrupt", async () => {
    const { prefix, store } = await openPlace();
    const child = start(prefix, ["watch", "a"]);
    let out = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    await expect.poll(() => out).toContain('"snapshot"');
    await store.updateStatus("a", "working", { by: "w1" });
    await expect.poll(() => lines(out)[1]).toMatchObject({ type: "status", to: "working", by: "w1" });
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([0, null]);
  });

  test.skipIf(!own.available)("watch reports that Redis is unavailable, and that it is available again", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const store = createJobStore({ job: report, driver: redisDriver({ url: server.url }) });
    onTestFinished(() => store.close());
    await store.create({ title: "One" }, { id: "a" });
    const child = start("", ["watch", "a", "--url", server.url]);
    onTestFinished(() => void child.kill());
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    await expect.poll(() => out).toContain('"snapshot"');
    expect(err).toBe("");
    await server.kill();
    await expect.poll(() => err).toMatch(/^No connection to Redis \(.*\n$/);
    await server.restart();
    await expect.poll(() => err).toMatch(/^No connection to Redis .*\nConnected to Redis\.\n$/);
  });

  test("the built command writes JSON lines into a pipe, and exits if the pipe is closed", async () => {
    const { prefix } = await openPlace();
    const counted = start(prefix, ["counts"]);
    const [out, [code]] = await Promise.all([text(counted.stdout), once(counted, "close")]);
    expect([JSON.parse(out), code]).toEqual([expect.objectContaining({ waiting: 1 }), 0]);
    const unread = start(prefix, ["list"]);
    unread.stdout.destroy();
    const [err] = await Promise.all([text(unread.stderr), once(unread, "close")]);
    expect(err).toBe("");
  });

  test("it exits when the reading process closes the pipe: job-store watch | head -1", async () => {
    const { prefix, store } = await openPlace();
    const child = start(prefix, ["watch", "a"]);
    await once(child.stdout, "data");
    child.stdout.destroy();
    const closed = once(child, "close");
    await store.updateStatus("a", "working");
    expect(await closed).toEqual([0, null]);
  });

  test("health sets the exit code", async () => {
    const { run } = await openPlace();
    const { code, out } = await run(["health"]);
    expect(code).toBe(0);
    expect(lines(out)).toMatchObject([{ status: "healthy", driver: "redis" }]);
  });

  test("audit finds wrong index entries, and repairs them without changing the index values of jobs", async () => {
    const { run, store, prefix } = await openPlace();
    expect(await run(["audit"])).toMatchObject({ code: 0 });
    await client.zrem(`${prefix}jobs:by-status`, "a");
    await client.del(`${prefix}job:c`);
    const found = await run(["audit"]);
    expect(found.code).toBe(1);
    expect(lines(found.out)).toMatchObject([{ jobs: 2, missingFromIndex: 1, staleInIndex: 1, repaired: 0 }]);
    const mended = await run(["audit", "--repair"]);
    expect(mended.code).toBe(0);
    expect(lines(mended.out)).toMatchObject([{ missingFromIndex: 1, staleInIndex: 1, repaired: 2 }]);
    expect(await store.counts()).toMatchObject({ waiting: 1, failed: 1, done: 0 });
    expect((await store.list({ where: { label: "blue" }, status: "waiting" })).items).toMatchObject([{ id: "a" }]);
  });

  test("works with jobs in several shards", async () => {
    const prefix = `${redis.prefix}cli-sharded:`;
    const store = createJobStore({ job: report, driver: redisDriver({ client, shards: 4, keyPrefix: prefix }) });
    onTestFinished(() => store.close());
    await store.createMany(["a", "b", "c", "d"].map((id) => ({ id, data: { title: id, label: `l-${id}` } })));
    const exported = lines((await cli(prefix, ["export"])).out);
    expect(exported.map(({ id, fields }) => [id, fields]).toSorted()).toEqual(
      ["a", "b", "c", "d"].map((id) => [id, { label: `l-${id}` }]),
    );
  });

  test("reports a prefix without a store, and a store of an older version without a lifecycle", async () => {
    for (const prefix of ["nowhere:", "{nowhere}:"]) {
      const nowhere = await cli(`${redis.prefix}${prefix}`, ["list"]);
      expect(nowhere).toMatchObject({ code: 2, err: expect.stringContaining("No job store found") });
      expect(nowhere.err).not.toContain("colon");
    }
    const withoutColon = await cli(`${redis.prefix}nowhere`, ["list"]);
    expect(withoutColon.err).toContain(`A key prefix usually ends with a colon: "${redis.prefix}nowhere:".`);
    const { run, prefix } = await openPlace();
    await client.hdel(`${prefix}jobs:metadata`, "description");
    expect(lines((await run(["list"])).out)).toHaveLength(3);
    expect(await run(["retry", "b", "--no-message"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("No lifecycle is recorded"),
    });
    expect((await run(["set-status", "b", "waiting", "--force"])).code).toBe(0);
  });

  test("a store that opens later updates the description without an effect on other stores", async () => {
    const { prefix, store } = await openPlace();
    const map = () => client.hmget(`${prefix}jobs:metadata`, "description", "edition");
    const [, edition] = await map();
    await client.hset(`${prefix}jobs:metadata`, "description", "{}");
    const driver = redisDriver({ url: redis.url ?? "", keyPrefix: prefix });
    const other = createJobStore<Report>({ job: report, driver, ttlSeconds: { failed: 60 } });
    onTestFinished(() => other.close());
    await other.get("a");
    await expect.poll(map).toEqual([expect.stringContaining('"initial":"waiting"'), edition]);
    expect((await store.get("a"))?.id).toBe("a");
  });
});
