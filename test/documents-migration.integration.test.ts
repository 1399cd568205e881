import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { transform } from "esbuild";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { cleanUpLater, forget } from "../scripts/dev/clean-up.mjs";
import { root } from "../scripts/dev/run.mjs";
import { allPrograms } from "./documents/programs.js";
import { runInTest } from "./processes.js";
import type { PrivateServer } from "./servers/private-server.js";
import { startRedis } from "./servers/redis.js";
import { privateServer } from "./servers/require.js";

const { available, title } = privateServer("redis");

const ID = "123e4567-e89b-12d3-a456-426614174000";

/** Job in the exact format of the Python manager. */
const AMELIE =
  '{"id": "123e4567-e89b-12d3-a456-426614174000", "video_url": "https://example.com/Am\\u00e9lie.mkv", "video_title": "Am\\u00e9lie \\"2001\\" \\u5b57\\u5e55", "language": "fr", "target_language": "en", "status": "pending", "created_at": "2026-11-23T11:43:58.432263Z", "updated_at": "2026-11-23T11:43:58.432273Z", "error_message": null, "download_url": null}';

const DAY = 24 * 3600 * 1000;
/** Returns a time in the past in the format of Python. */
const ago = (ms: number) => new Date(Date.now() - ms).toISOString().replace("Z", "417Z");
const old = (id: string, change: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ ...JSON.parse(AMELIE), id, ...change });
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const none = { copied: 0, updated: 0, unchanged: 0, movedOn: 0, expired: 0, notString: 0, notCopied: 0 };

/** Returns the code of a program in the migration guide, and its output according to the guide. */
function programOf(name: string) {
  const program = allPrograms().find((each) => each.name === `docs/guides/migrating-from-python.md: ${name}`);
  const { code, output } = program?.blocks[0] ?? expect.fail(`The guide does not contain ${name}.`);
  return { code, output };
}
const copyJobs = programOf("copy-jobs.ts");
const restartJobs = programOf("restart-jobs.ts");

/** Folder below the root, from which the imports of the packages are found. */
const folder = join(root, "node_modules/.migration");

describe.skipIf(!available)(title("The code of the migration guide"), () => {
  let redis: PrivateServer;
  let client: Redis;

  beforeAll(async () => {
    cleanUpLater({ path: folder });
    await mkdir(folder, { recursive: true });
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  });
  beforeEach(async () => void (await client.flushall())); // The server is private and has no other data.

  /** Runs code of the guide. Returns its output. */
  async function run(code: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const file = join(folder, `${randomUUID()}.mjs`);
    await writeFile(file, (await transform(code, { loader: "ts" })).code);
    return runInTest(process.execPath, [file], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", REDIS_URL: redis.url, ...env },
    });
  }

  /** Copies the jobs. Returns the printed counts, and the lines before them. */
  async function copy({ code = copyJobs.code, env = {} }: { code?: string; env?: NodeJS.ProcessEnv } = {}) {
    const [, lines = "", counts = ""] = /^(.*?)(\{\n.*\})\n$/s.exec(await run(code, env)) ?? [];
    const json = counts.replaceAll(/(\w+):/g, '"$1":');
    return { report: JSON.parse(json), problems: lines.split("\n").slice(0, -1) };
  }

  function openStore() {
    const store = createJobStore({
      job: subtitleJob,
      driver: redisDriver({ url: redis.url, keyPrefix: "subtitles:", timeoutMs: 60_000 }),
    });
    onTestFinished(() => store.close());
    return store;
  }

  /** Returns every old key with its value and its time of expiry. */
  async function oldKeys(): Promise<unknown> {
    const keys = (await client.keys("*")).filter((key) => !key.startsWith("subtitles:")).sort();
    return Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key), await client.pexpiretime(key)]));
  }

  test("prints the output of the guide, and does not change any old key", async () => {
    await client.mset({
      [`job:${idOf(1)}`]: old(idOf(1)),
      [`job:${idOf(2)}`]: old(idOf(2), { status: "done", updated_at: ago(DAY) }),
      [`job:${idOf(3)}`]: old(idOf(3), { status: "subtitle_missing", updated_at: ago(4 * DAY) }),
      [`job:${idOf(4)}`]: old(idOf(5)),
    });
    await client.lpush(`job:events:${idOf(1)}`, "{}");
    const before = await oldKeys();
    expect(await run(copyJobs.code)).toBe(copyJobs.output);
    expect(await run(restartJobs.code)).toBe(restartJobs.output);
    expect(await oldKeys()).toEqual(before);
  });

  test("copies a job that the new store can read, list, count and update", async () => {
    await client.set(`job:${ID}`, AMELIE);
    expect(await copy()).toEqual({ report: { ...none, copied: 1 }, problems: [] });
    const store = openStore();
    const job = await store.get(ID);
    const at = new Date("2026-11-23T11:43:58.432Z");
    expect(job).toEqual({
      id: ID,
      status: "pending",
      version: 1,
      attempt: 1,
      data: {
        videoUrl: "https://example.com/Amélie.mkv",
        videoTitle: 'Amélie "2001" 字幕',
        language: "fr",
        targetLanguage: "en",
        preferredSources: [],
      },
      progress: null,
      result: null,
      error: null,
      createdAt: at,
      updatedAt: at,
      statusAt: at,
      expiresAt: null,
      leasedUntil: null,
      history: [{ from: null, to: "pending", at, version: 1, by: "copy-jobs", note: "was pending" }],
    });
    expect((await store.list({ status: "pending" })).items).toEqual([job]);
    expect(await store.counts()).toMatchObject({ pending: 1, completed: 0 });
    expect(await store.updateStatus(ID, "downloading")).toMatchObject({ version: 2, status: "downloading" });
  });

  test("gives each status of the Python services its new name, and keeps results and errors", async () => {
    const statuses = [
      ["pending", "pending"],
      ["downloading", "downloading"],
      ["translating", "translating"],
      ["completed", "completed"],
      ["failed", "failed"],
      ["PENDING", "pending"],
      ["download_queued", "pending"],
      ["download_in_progress", "downloading"],
      ["translate_queued", "translating"],
      ["translate_in_progress", "translating"],
      ["done", "completed"],
      ["subtitle_missing", "failed"],
    ] as const;
    for (const [n, [status]] of statuses.entries()) {
      const error = status === "failed" ? "no luck" : null;
      const url = status === "completed" ? "https://example.com/1.srt" : null;
      const change = { status, updated_at: ago(1000), error_message: error, download_url: url };
      await client.set(`job:${idOf(n)}`, old(idOf(n), change));
    }
    expect(await copy()).toEqual({ report: { ...none, copied: statuses.length }, problems: [] });
    const jobs = await openStore().getMany(statuses.map((_, n) => idOf(n)));
    expect(jobs.map((job) => [job?.status, job?.history[0]?.note])).toEqual(
      statuses.map(([was, now]) => [now, `was ${was.toLowerCase()}`]),
    );
    const byOldStatus = new Map(statuses.map(([status], n) => [status, jobs[n]] as const));
    expect(byOldStatus.get("completed")?.result).toEqual({ downloadUrl: "https://example.com/1.srt" });
    expect(byOldStatus.get("failed")?.error).toEqual({ message: "no luck" });
    expect(byOldStatus.get("subtitle_missing")?.error).toEqual({
      message: "No subtitle was found.",
      code: "SUBTITLE_MISSING",
    });
  });

  test("reads every time format of Python, in any time zone", async () => {
    const times = [
      ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z"],
      ["2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999Z"],
      ["2024-06-30T12:00:00.000001", "2024-06-30T12:00:00.000Z"],
      ["2024-06-30 12:00:00", "2024-06-30T12:00:00.000Z"],
      ["2024-06-30T12:00:00.5+02:00", "2024-06-30T10:00:00.500Z"],
      ["2024-06-30 12:00:00.123456-05:30", "2024-06-30T17:30:00.123Z"],
    ] as const;
    for (const [n, [created_at]] of times.entries()) {
      await client.set(`job:${idOf(n)}`, old(idOf(n), { created_at, updated_at: created_at }));
    }
    await copy({ env: { TZ: "Asia/Kolkata" } });
    const jobs = await openStore().getMany(times.map((_, n) => idOf(n)));
    expect(jobs.map((job) => job?.createdAt.toISOString())).toEqual(times.map(([, time]) => time));
    expect(jobs.map((job) => job?.statusAt)).toEqual(jobs.map((job) => job?.createdAt));
  });

  describe("retention", () => {
    test("keeps the time of expiry of an old key, independent of the last update", async () => {
      const values = { done: { status: "done", updated_at: ago(DAY) }, failed: { status: "failed" } };
      await client.set(`job:${idOf(1)}`, old(idOf(1), values.done), "PX", 3 * DAY);
      await client.set(`job:${idOf(2)}`, old(idOf(2), values.failed), "PX", DAY);
      expect((await copy()).report).toEqual({ ...none, copied: 2 });
      for (const [n, job] of (await openStore().getMany([idOf(1), idOf(2)])).entries()) {
        const expected = await client.pexpiretime(`job:${idOf(n + 1)}`);
        // The script reads the remaining TTL and then the clock of the server, so the sum is not exact.
        expect(Math.abs(Number(job?.expiresAt) - expected)).toBeLessThan(60_000);
        expect(await client.pexpiretime(`subtitles:job:${idOf(n + 1)}`)).toBe(Number(job?.expiresAt));
      }
    });

    test("begins at the last update if the old key has no TTL, and expired jobs are skipped", async () => {
      const updatedAt = Date.now() - DAY;
      const kept = { status: "done", updated_at: new Date(updatedAt).toISOString() };
      await client.set(`job:${idOf(1)}`, old(idOf(1), kept));
      await client.set(`job:${idOf(2)}`, old(idOf(2), { status: "failed", updated_at: ago(4 * DAY) }));
      expect((await copy()).report).toEqual({ ...none, copied: 1, expired: 1 });
      const store = openStore();
      expect((await store.get(idOf(1)))?.expiresAt).toEqual(new Date(updatedAt + 7 * DAY));
      expect(await store.get(idOf(2))).toBeNull();
      const { report } = await copy({ env: { REDIS_JOB_TTL_FAILED: "0" } });
      expect(report).toEqual({ ...none, unchanged: 1, copied: 1 });
      expect(await store.get(idOf(2))).toMatchObject({ status: "failed", expiresAt: null });
    });

    test("is unlimited for a job in a status without a TTL, even if its old key has one", async () => {
      await client.set(`job:${ID}`, AMELIE, "EX", 60);
      await copy();
      expect((await openStore().get(ID))?.expiresAt).toBeNull();
    });
  });

  test("reports each invalid value with the reason but without its content, and copies the others", async () => {
    const invalid: readonly (readonly [value: string, reason: RegExp])[] = [
      ['{"id": "', /it is not JSON$/],
      ["", /it is not JSON$/],
      ["[".repeat(100_000), /it is not JSON$/],
      ["[1, 2]", /expected object/],
      ["null", /expected object/],
      [old(randomUUID()), /id: Invalid input/],
      [old("-", { status: "unknown" }), /status: Invalid option/],
      [old("-", { status: "constructor" }), /status: Invalid option/],
      [old("-", { video_url: null }), /video_url: /],
      [old("-", { video_title: "" }), /videoTitle/],
      [old("-", { language: "s3cret language" }), /language/],
      [old("-", { created_at: "s3cret" }), /created_at: /],
      [old("-", { updated_at: "2024-02-30T00:00:00Z" }), /updated_at: /],
      [old("-", { updated_at: 1_700_000_000 }), /updated_at: /],
      [old("-", { created_at: "1969-12-31T23:59:59Z" }), /between 1970 and 2109/],
      ['{"__proto__": {"status": "pending"}}', /id: /],
      [old("-", { video_title: "x".repeat(5_000_000) }), /is too large: \d+ bytes/],
    ];
    const withId = (value: string, n: number) => value.replace('"id":"-"', `"id":"${idOf(n)}"`);
    for (const [n, [value]] of invalid.entries()) await client.set(`job:${idOf(n)}`, withId(value, n));
    await client.set(`job:${ID}`, AMELIE);
    const before = await oldKeys();
    const { report, problems } = await copy();
    expect(report).toEqual({ ...none, copied: 1, notCopied: invalid.length });
    // Jobs are copied concurrently, so the order of the lines differs.
    expect(problems.toSorted()).toEqual(
      invalid.map(([, reason], n) => expect.stringMatching(`^job:${idOf(n)} is not copied: .*${reason.source}`)),
    );
    expect(problems.join("\n")).not.toContain("s3cret");
    expect(await oldKeys()).toEqual(before);
    expect((await openStore().list()).items.map(({ id }) => id)).toEqual([ID]);
  });

  test("does not change other keys, and reports keys with an invalid job id", async () => {
    await client.lpush(`job:events:${ID}`, '{"event_type":"subtitle.ready"}');
    await client.hset("job:hash", "a", "b");
    await client.set(`dedup:${"0".repeat(64)}:fr`, ID, "EX", 3600);
    await client.set(`jobs-${ID}`, AMELIE);
    const ids = ["", "*", "a b", "a:b", "a".repeat(129), "{x}"];
    for (const id of ids) await client.set(`job:${id}`, old(id));
    const before = await oldKeys();
    const { report, problems } = await copy();
    expect(report).toEqual({ ...none, notString: 2, notCopied: ids.length });
    const keys = problems.map((line) => line.slice(0, line.indexOf(" is not copied: ")));
    expect(keys.toSorted()).toEqual(ids.map((id) => `job:${id}`).toSorted());
    for (const line of problems) expect(line).toContain("Invalid job id ");
    expect(await oldKeys()).toEqual(before);
  });

  describe("a second run", () => {
    test("copies new and changed jobs, except jobs that the new services have changed", async () => {
      const ids = [1, 2, 3, 4].map(idOf);
      const [same, changed, moved, gone] = ids as [string, string, string, string];
      for (const id of ids) await client.set(`job:${id}`, old(id));
      expect((await copy()).report).toEqual({ ...none, copied: 4 });
      const store = openStore();
      const first = await store.get(same);

      const result = { status: "completed", updated_at: ago(1000), download_url: "https://example.com/1.srt" };
      for (const id of [changed, moved]) await client.set(`job:${id}`, old(id, result));
      const owned = await store.updateStatus(moved, "downloading", { by: "downloader-1" });
      await client.del(`job:${gone}`);
      await client.set(`job:${ID}`, AMELIE);
      expect(await copy()).toEqual({
        report: { ...none, copied: 1, updated: 1, unchanged: 1, movedOn: 1 },
        problems: [],
      });
      expect(await store.get(same)).toEqual(first);
      expect(await store.get(moved)).toEqual(owned);
      expect(await store.get(changed)).toMatchObject({
        status: "completed",
        version: 2,
        result: { downloadUrl: "https://example.com/1.srt" },
        history: [{ to: "completed", version: 2, by: "copy-jobs" }],
      });
      // A third run copies nothing.
      expect((await copy()).report).toEqual({ ...none, unchanged: 3, movedOn: 1 });
      expect(await store.counts()).toMatchObject({ pending: 3, completed: 1, downloading: 1 });
    });

    test("does not overwrite a job that the new services change immediately before", async () => {
      await client.set(`job:${ID}`, AMELIE);
      await copy();
      await client.set(`job:${ID}`, old(ID, { status: "failed", updated_at: ago(1000) }));
      const save = "await store.save(job);";
      const change = 'await store.updateStatus(job.id, "downloading", { by: "downloader-1" });';
      expect(copyJobs.code.split(save)).toHaveLength(2);
      const code = copyJobs.code.replace(save, `${change} ${save}`);
      expect(await copy({ code })).toEqual({ report: { ...none, movedOn: 1 }, problems: [] });
      expect(await openStore().get(ID)).toMatchObject({
        status: "downloading",
        history: [{ by: "copy-jobs" }, { by: "downloader-1" }],
      });
    });

    test("at the same time as another run copies each job once", async () => {
      const total = 1200;
      await client.mset(Array.from({ length: total }, (_, n) => [`job:${idOf(n)}`, old(idOf(n))]).flat());
      const both = await Promise.all([copy(), copy()]);
      for (const { report, problems } of both) {
        expect(report.notCopied).toBe(0);
        expect(report.copied + report.updated + report.unchanged + report.movedOn).toBe(total);
        expect(problems).toEqual([]);
      }
      const store = openStore();
      expect(await store.counts()).toMatchObject({ pending: total });
      for await (const job of store.scan()) expect(job.history).toMatchObject([{ to: "pending", by: "copy-jobs" }]);
      expect((await copy()).report).toEqual({ ...none, unchanged: total });
    });
  });

  test("fails before it copies anything if the prefix belongs to another definition", async () => {
    const other = defineJob({ name: "other", data: z.string(), initial: "new", statuses: { new: { next: [] } } });
    const driver = redisDriver({ url: redis.url, keyPrefix: "subtitles:", timeoutMs: 60_000 });
    await using store = createJobStore({ job: other, driver });
    await store.create("x", { id: "x" });
    await client.set(`job:${ID}`, AMELIE);
    await expect(run(copyJobs.code)).rejects.toThrow("INVALID_ARGUMENT");
    expect(await client.exists(`subtitles:job:${ID}`)).toBe(0);
  });

  test("never writes to an old key, even if the new prefix is the old one", async () => {
    await client.set(`job:${ID}`, AMELIE);
    const { report, problems } = await copy({ env: { REDIS_KEY_PREFIX: "" } });
    expect(report).toEqual({ ...none, notCopied: 1 });
    expect(problems).toEqual([expect.stringContaining("cannot be read")]);
    expect(await client.get(`job:${ID}`)).toBe(AMELIE);
  });

  describe("a message for unfinished jobs", () => {
    test("is stored once, also if the script was interrupted, and only for copied jobs", async () => {
      const unfinished = ["pending", "downloading", "translating"].map((status, n) => [idOf(n), status] as const);
      for (const [id, status] of unfinished) await client.set(`job:${id}`, old(id, { status }));
      await client.set(`job:${ID}`, old(ID, { status: "failed", updated_at: ago(1000), error_message: "no luck" }));
      await copy();
      const store = openStore();
      await store.create({ videoUrl: "file:///a.mkv", videoTitle: "A", language: "en" }, { id: "new" });

      // Runs only the first loop, as if the process had ended after it.
      const [firstLoop = ""] = restartJobs.code.split("// A separate loop");
      await run(`${firstLoop}\nawait store.close();\n`);
      expect(await store.counts()).toMatchObject({ pending: 1, failed: 4 });
      for (const repeated of [false, true]) {
        const lines = (await run(restartJobs.code)).split("\n").filter((line) => line.includes("is pending again"));
        expect(lines).toHaveLength(repeated ? 0 : 3);
      }
      const messages = await store.outbox.read();
      expect(messages.map(({ jobId, queue, payload }) => [jobId, queue, payload]).toSorted()).toEqual(
        unfinished.map(([id]) => [id, "subtitles.download", { jobId: id }]),
      );
      for (const [id, status] of unfinished) {
        expect(await store.get(id)).toMatchObject({
          status: "pending",
          attempt: 2,
          error: null,
          history: [
            { by: "copy-jobs" },
            { to: "failed", note: `was ${status}` },
            { to: "pending", by: "restart-jobs" },
          ],
        });
      }
      expect(await store.get(ID)).toMatchObject({ status: "failed", error: { message: "no luck" } });
      expect(await store.get("new")).toMatchObject({ status: "pending", version: 1 });
      // A job with a message belongs to the new services and is not copied again.
      expect((await copy()).report).toEqual({ ...none, unchanged: 1, movedOn: 3 });
    });
  });
});
