import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, defineJob, type JobStoreOptions } from "../src/index.js";
import { importLegacyJobs, type LegacyProblem, redisDriver, redisPermissions } from "../src/redis.js";
import { legacySubtitleJob, subtitleJob } from "../src/subtitle.js";
import { failureOf } from "./redis-store.js";

const { available, title } = privateServer("redis");

const ID = "123e4567-e89b-12d3-a456-426614174000";

/** To the byte what the Python manager stored. */
const AMELIE =
  '{"id": "123e4567-e89b-12d3-a456-426614174000", "video_url": "https://example.com/Am\\u00e9lie.mkv", "video_title": "Am\\u00e9lie \\"2001\\" \\u5b57\\u5e55", "language": "fr", "target_language": "en", "status": "pending", "created_at": "2026-11-23T11:43:58.432263Z", "updated_at": "2026-11-23T11:43:58.432273Z", "error_message": null, "download_url": null}';

/** The same with other fields, written as Python writes it. */
function legacy(id: string, change: Readonly<Record<string, unknown>> = {}): string {
  const text = JSON.stringify({ ...JSON.parse(AMELIE), id, ...change }, null, 1).replace(/\n */g, " ");
  const ascii = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text
    .replace("{ ", "{")
    .replace(/ \}$/, "}")
    .replace(/[\u007f-\uffff]/g, ascii);
}

const ago = (ms: number) => new Date(Date.now() - ms).toISOString().replace("Z", "417Z");
const DAY = 24 * 3600 * 1000;
const nothing = { takenOver: 0, alreadyTakenOver: 0, expired: 0, skipped: 0, problems: 0 };

describe.skipIf(!available)(title("Taking over the Python system's jobs"), () => {
  let redis: PrivateServer;
  let client: Redis;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });
  beforeEach(async () => void (await client.flushall())); // Our own server: nobody else's data is in it.

  function openStore(options: Partial<JobStoreOptions<typeof subtitleJob>> = {}) {
    const store = createJobStore({
      job: subtitleJob,
      driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }),
      ...options,
    });
    onTestFinished(() => store.close());
    return store;
  }

  async function importAll(options: Partial<Parameters<typeof importLegacyJobs<typeof subtitleJob>>[0]> = {}) {
    const problems: LegacyProblem[] = [];
    const report = await importLegacyJobs({
      client,
      map: legacySubtitleJob,
      onProblem: (problem) => problems.push(problem),
      ...options,
    });
    return { report, problems };
  }

  /** All keys with what they hold. */
  async function everything(): Promise<Record<string, unknown>> {
    const keys = await client.keys("*");
    const dumps = await Promise.all(
      keys.map(async (key) => [key, await client.dumpBuffer(key), await client.pttl(key)]),
    );
    return Object.fromEntries(dumps.map(([key, dump, ttl]) => [key, { dump, ttl: Number(ttl) > 0 }]));
  }

  test("a value is taken over to the byte, and the store reads, lists, counts and moves it", async () => {
    await client.set(`job:${ID}`, AMELIE);
    expect(await importAll()).toEqual({ report: { ...nothing, takenOver: 1 }, problems: [] });
    const store = openStore();
    const job = await store.get(ID);
    const updatedAt = new Date("2026-11-23T11:43:58.432Z");
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
      createdAt: new Date("2026-11-23T11:43:58.432Z"),
      updatedAt,
      statusAt: updatedAt,
      expiresAt: null,
      history: [{ from: null, to: "pending", at: updatedAt, version: 1, by: "importLegacyJobs" }],
    });
    expect((await store.list()).items).toEqual([job]);
    expect((await store.list({ status: "pending" })).items).toEqual([job]);
    expect(await store.counts()).toMatchObject({ pending: 1, completed: 0 });
    expect(await store.updateStatus(ID, "downloading")).toMatchObject({ version: 2, status: "downloading" });
    expect(await store.delete(ID)).toBe(true);
    expect((await store.list()).items).toEqual([]);
  });

  test("the stored record is the one that a store would have saved", async () => {
    await client.set(`job:${ID}`, AMELIE);
    await importAll();
    const job = await openStore().get(ID);
    const taken = await client.get(`job:${ID}`);
    await client.flushall();
    const store = openStore();
    if (job !== null) await store.save(job);
    const withoutOperation = (text: string | null) => text?.replace(/"ops":".*"/, "");
    expect(withoutOperation(taken)).toBe(withoutOperation(await client.get(`job:${ID}`)));
  });

  test.each([
    ["pending", "pending"],
    ["downloading", "downloading"],
    ["translating", "translating"],
    ["completed", "completed"],
    ["failed", "failed"],
    ["download_queued", "pending"],
    ["download_in_progress", "downloading"],
    ["translate_queued", "translating"],
    ["translate_in_progress", "translating"],
    ["done", "completed"],
    ["subtitle_missing", "failed"],
  ] as const)("what was %s is %s", async (status, now) => {
    await client.set(`job:${ID}`, legacy(ID, { status, created_at: ago(DAY), updated_at: ago(1000) }));
    expect((await importAll()).report).toEqual({ ...nothing, takenOver: 1 });
    const job = await openStore().get(ID);
    expect(job?.status).toBe(now);
    expect(job?.history[0]?.note).toBe(status === now ? undefined : `was ${status}`);
    expect(job?.error ?? null).toEqual(
      status === "subtitle_missing" ? { message: "No subtitle was found.", code: "SUBTITLE_MISSING" } : null,
    );
  });

  test("results and reasons are kept", async () => {
    const [done, failed] = [randomUUID(), randomUUID()];
    const recently = { created_at: ago(DAY), updated_at: ago(1000) };
    await client.mset({
      [`job:${done}`]: legacy(done, { ...recently, status: "completed", download_url: "https://example.com/1.srt" }),
      [`job:${failed}`]: legacy(failed, {
        ...recently,
        status: "failed",
        error_message: "no luck",
        target_language: null,
      }),
    });
    await importAll();
    const [first, second] = await openStore().getMany([done, failed]);
    expect(first).toMatchObject({ result: { downloadUrl: "https://example.com/1.srt" }, error: null });
    expect(second).toMatchObject({ result: null, error: { message: "no luck" }, data: { targetLanguage: null } });
  });

  test.each([
    ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z"],
    ["2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999Z"],
    ["2024-06-30T12:00:00.000001", "2024-06-30T12:00:00.000Z"],
    ["2024-06-30 12:00:00", "2024-06-30T12:00:00.000Z"],
    ["2024-06-30T12:00:00.5+02:00", "2024-06-30T10:00:00.500Z"],
    ["2024-06-30T12:00:00.123456-0530", "2024-06-30T17:30:00.123Z"],
    ["2024-06-30T12:00:00.123Z", "2024-06-30T12:00:00.123Z"],
  ])("the time %s is read as %s, wherever this runs", async (text, time) => {
    const zone = process.env.TZ;
    process.env.TZ = "Asia/Kolkata";
    onTestFinished(() => {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    });
    await client.set(`job:${ID}`, legacy(ID, { created_at: text, updated_at: text }));
    await importAll();
    const job = await openStore().get(ID);
    expect([job?.createdAt.toISOString(), job?.statusAt.toISOString()]).toEqual([time, time]);
  });

  describe("retention", () => {
    test("runs from the last update, by the store's rules, whatever TTL the key had", async () => {
      const updatedAt = Date.now() - DAY;
      const change = { status: "done", updated_at: new Date(updatedAt).toISOString() };
      await client.set(`job:${ID}`, legacy(ID, change), "EX", 60);
      await importAll();
      expect((await openStore().get(ID))?.expiresAt).toEqual(new Date(updatedAt + 7 * DAY));
      expect(await client.pexpiretime(`job:${ID}`)).toBe(updatedAt + 7 * DAY);
    });

    test("an unfinished job has none, even where its key had one", async () => {
      await client.set(`job:${ID}`, AMELIE, "EX", 60);
      await importAll();
      expect(await client.pttl(`job:${ID}`)).toBe(-1);
    });

    test("removes what is over, and counts it; a longer time keeps it", async () => {
      const over = legacy(ID, { status: "failed", created_at: ago(9 * DAY), updated_at: ago(4 * DAY) });
      await client.set(`job:${ID}`, over);
      expect((await importAll({ dryRun: true })).report).toEqual({ ...nothing, expired: 1 });
      expect(await client.get(`job:${ID}`)).toBe(over);
      expect((await importAll({ dryRun: true, ttlSeconds: { failed: 0 } })).report).toEqual({
        ...nothing,
        takenOver: 1,
      });
      expect((await importAll()).report).toEqual({ ...nothing, expired: 1 });
      expect(await client.exists(`job:${ID}`)).toBe(0);
      expect((await openStore().list()).items).toEqual([]);

      await client.set(`job:${ID}`, over);
      expect((await importAll({ ttlSeconds: { failed: 0 } })).report).toEqual({ ...nothing, takenOver: 1 });
      expect(await openStore({ ttlSeconds: { failed: 0 } }).get(ID)).toMatchObject({
        status: "failed",
        expiresAt: null,
      });
    });
  });

  test("one whose time runs out on the way is removed, too", async () => {
    const updatedAt = Date.now();
    await client.set(`job:${ID}`, legacy(ID, { status: "failed", updated_at: new Date(updatedAt).toISOString() }));
    const slow = {
      ...legacySubtitleJob,
      read: (...args: Parameters<typeof legacySubtitleJob.read>) => {
        while (Date.now() <= updatedAt + 500); // It was read in time, and is written when that is over.
        return legacySubtitleJob.read(...args);
      },
    };
    expect((await importAll({ map: slow, ttlSeconds: { failed: 0.5 } })).report).toEqual({ ...nothing, expired: 1 });
    expect(await client.exists(`job:${ID}`)).toBe(0);
  });

  test("other keys are skipped and left alone", async () => {
    await client.lpush(`job:events:${ID}`, '{"event_type":"subtitle.ready"}');
    await client.set(`dedup:${"0".repeat(64)}:fr`, ID, "EX", 3600);
    await client.hset("job:hash", "a", "b");
    await client.set(`jobs-${ID}`, AMELIE);
    const before = await everything();
    expect(await importAll()).toEqual({ report: { ...nothing, skipped: 2 }, problems: [] });
    const after = await everything();
    expect(after).toEqual({ ...after, ...before });
  });

  describe("values that cannot be read are told, and left alone:", () => {
    const hostile: Readonly<Record<string, readonly [value: string, why: RegExp]>> = {
      "no JSON": ['{"id": "', /not JSON/],
      nothing: ["", /not JSON/],
      "no object": ["[1, 2]", /no object/],
      null: ["null", /no object/],
      "another id": [legacy(randomUUID()), /its id is not that of its key/],
      "an unknown status": [legacy(ID, { status: "PENDING" }), /^status: /],
      "a status off the prototype": [legacy(ID, { status: "constructor" }), /^status: /],
      "no url": [legacy(ID, { video_url: null }), /^video_url: /],
      "an empty title": [legacy(ID, { video_title: "" }), /videoTitle/],
      "no language": [legacy(ID, { language: "s3cret language" }), /language/],
      "a time that is none": [legacy(ID, { created_at: "yesterday" }), /^created_at: is no time/],
      "a day that is none": [legacy(ID, { updated_at: "2024-02-30T00:00:00Z" }), /^updated_at: is no time/],
      "a number for a time": [legacy(ID, { updated_at: 1_700_000_000 }), /^updated_at: /],
      "a time before time": [legacy(ID, { created_at: "1969-12-31T23:59:59Z" }), /between 1970 and 2109/],
      "deep nesting": ["[".repeat(100_000), /not JSON/],
      "a lone prototype": ['{"__proto__": {"status": "pending"}}', /^(id|video_url): /],
    };

    test.each(Object.entries(hostile))("%s", async (_, [value, why]) => {
      await client.set(`job:${ID}`, value);
      const good = randomUUID();
      await client.set(`job:${good}`, legacy(good));
      const { report, problems } = await importAll();
      expect(report).toEqual({ ...nothing, takenOver: 1, problems: 1 });
      expect(problems).toEqual([{ key: `job:${ID}`, reason: expect.stringMatching(why) }]);
      expect(JSON.stringify(problems)).not.toContain("s3cret");
      expect(await client.get(`job:${ID}`)).toBe(value);
      expect(await openStore().get(good)).not.toBeNull();
    });

    test("keys that no job can have", async () => {
      const keys = ["job:", "job:a b", "job:*", "job:{x}", `job:${"a".repeat(129)}`, "job:a:b"];
      for (const key of keys) await client.set(key, legacy(key.slice(4)));
      const { report, problems } = await importAll();
      expect(report).toEqual({ ...nothing, problems: keys.length });
      expect(problems.map(({ key }) => key).sort()).toEqual([...keys].sort());
      expect(problems.every(({ reason }) => reason.includes("is no job id"))).toBe(true);
    });

    test("what is larger than the store's records", async () => {
      await client.set(`job:${ID}`, legacy(ID, { video_title: "x".repeat(5000) }));
      const { report, problems } = await importAll({ maxRecordBytes: 4096 });
      expect(report).toEqual({ ...nothing, problems: 1 });
      expect(problems[0]?.reason).toMatch(/more than maxRecordBytes/);
    });

    test("a key that the map misspells", async () => {
      await client.set(`job:${ID}`, legacy(ID));
      const misspelt: object = { reslut: null };
      const map: typeof legacySubtitleJob = {
        ...legacySubtitleJob,
        read: (value, id) => ({ ...legacySubtitleJob.read(value, id), ...misspelt }),
      };
      const { report, problems } = await importAll({ map });
      expect(report).toEqual({ ...nothing, problems: 1 });
      expect(problems[0]?.reason).toMatch(/^the job of the map does not support the key "reslut"/);
    });

    test("an error of onProblem ends the import, which can be run again", async () => {
      await client.set(`job:${ID}`, "{");
      const stop = new Error("enough");
      await expect(
        importAll({
          onProblem: () => {
            throw stop;
          },
        }),
      ).rejects.toBe(stop);
      expect((await importAll()).report).toEqual({ ...nothing, problems: 1 });
    });
  });

  describe("many jobs", () => {
    /** A mixture of all there is: of ten keys, 6 jobs that live, 1 whose time is over, 1 that is broken, 2 lists. */
    async function fill(count: number): Promise<void> {
      const pipeline = client.pipeline();
      for (let n = 0; n < count; n++) {
        const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
        const times = { created_at: ago(20 * DAY), updated_at: ago(n) };
        const kind = n % 10;
        if (kind < 3) pipeline.set(`job:${id}`, legacy(id, times));
        else if (kind < 6) pipeline.set(`job:${id}`, legacy(id, { ...times, status: "completed" }), "EX", 604_800);
        else if (kind === 6) pipeline.set(`job:${id}`, legacy(id, { status: "done", updated_at: ago(8 * DAY) }));
        else if (kind === 7) pipeline.set(`job:${id}`, legacy(id, { status: "?" }));
        else pipeline.lpush(`job:events:${id}`, "{}");
      }
      await pipeline.exec();
    }
    const ofAll = (count: number) => ({
      takenOver: count * 0.6,
      alreadyTakenOver: 0,
      expired: count * 0.1,
      skipped: count * 0.2,
      problems: count * 0.1,
    });

    async function expectImported(count: number): Promise<void> {
      const store = openStore();
      expect(await store.counts()).toMatchObject({ pending: count * 0.3, completed: count * 0.3 });
      const seen = new Set<string>();
      for await (const job of store.scan()) {
        expect(job).toMatchObject({ version: 1, history: [{ version: 1 }] });
        seen.add(job.id);
      }
      expect(seen.size).toBe(count * 0.6);
      expect(await client.zcard("jobs:by-status")).toBe(count * 0.6);
      expect(await client.zcard("jobs:by-creation")).toBe(count * 0.6);
    }

    test("a dry run changes nothing, and says what will happen", async () => {
      await fill(2000);
      const before = await everything();
      expect((await importAll({ dryRun: true })).report).toEqual(ofAll(2000));
      expect(await everything()).toEqual(before);
      expect((await importAll()).report).toEqual(ofAll(2000));
    });

    test("ten thousand are taken over, and a second time none", async () => {
      await fill(10_000);
      const { report, problems } = await importAll();
      expect(report).toEqual(ofAll(10_000));
      expect(problems).toHaveLength(1000);
      await expectImported(10_000);
      const again = { ...nothing, alreadyTakenOver: 6000, skipped: 2000, problems: 1000 };
      expect((await importAll()).report).toEqual(again);
    });

    /** Does something in the midst of the import: when so many values have been read. */
    function when(reads: number, act: () => void) {
      let count = 0;
      return {
        ...legacySubtitleJob,
        read: (...args: Parameters<typeof legacySubtitleJob.read>) => {
          if (++count === reads) act();
          return legacySubtitleJob.read(...args);
        },
      };
    }

    test("two imports at once take each over once", async () => {
      await fill(2000);
      const [first, second] = await Promise.all([importAll(), importAll()]);
      expect(first.report.takenOver + second.report.takenOver).toBe(1200);
      await expectImported(2000);
    });

    test("an import that is stopped again and again goes on where it was", async () => {
      await fill(4000);
      let takenOver = 0;
      for (const reads of [1, 700, 1000]) {
        const abort = new AbortController();
        const map = when(reads, () => abort.abort(new Error("enough")));
        await expect(importAll({ map, signal: abort.signal })).rejects.toThrow("enough");
        const before = takenOver;
        takenOver = await client.zcard("jobs:by-status");
        expect(takenOver).toBeGreaterThan(before);
        expect(takenOver).toBeLessThan(2400);
      }
      const { report } = await importAll();
      expect(report).toMatchObject({ takenOver: 2400 - takenOver, alreadyTakenOver: takenOver, problems: 400 });
      await expectImported(4000);
    });

    test("an import whose connection is cut off fails in time, and goes on when it is run again", async () => {
      await fill(4000);
      const proxy = await startTcpProxy(redis);
      const cutOff = new Redis(proxy.port, { retryStrategy: () => 20 }).on("error", () => {});
      onTestFinished(() => cutOff.disconnect());
      const map = when(1000, () => {
        proxy.swallowReplies();
        void proxy.close();
      });
      const error = await failureOf(importAll({ map, client: cutOff, timeoutMs: 500 }));
      expect(error.code).toBe("UNAVAILABLE");
      await importAll();
      await expectImported(4000);
    });

    test("a connection that breaks on the way is made anew, and nothing happens twice", async () => {
      await fill(4000);
      const proxy = await startTcpProxy(redis);
      onTestFinished(() => proxy.close());
      const own = new Redis(proxy.port, { retryStrategy: () => 20 }).on("error", () => {});
      onTestFinished(() => own.disconnect());
      const carriedOut = async () => {
        const before = await client.zcard("jobs:by-status");
        await vi.waitFor(async () => expect(await client.zcard("jobs:by-status")).toBeGreaterThan(before), PATIENCE);
      };
      // What is on its way then is carried out, but its replies are lost, and it is sent again.
      const map = when(1000, () => {
        proxy.swallowReplies();
        void carriedOut().then(() => {
          proxy.heal();
          proxy.cut();
        });
      });
      const { report } = await importAll({ map, client: own, timeoutMs: 10_000 });
      expect(report).toEqual(ofAll(4000));
      await expectImported(4000);
    });
  });

  /** Sends a command before this turn goes on: by another process, which is waited for. */
  function atOnce(...command: string[]): void {
    const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
    const script = `const socket = require("node:net").connect(${redis.port}, "127.0.0.1");
      socket.on("data", () => process.exit());
      socket.write(${JSON.stringify(`*${parts.length}\r\n${parts.join("")}`)});`;
    execFileSync(process.execPath, ["-e", script]);
  }

  test("a value that goes while it is taken over does not come back", async () => {
    await client.set(`job:${ID}`, AMELIE);
    const map = {
      ...legacySubtitleJob,
      read: (...args: Parameters<typeof legacySubtitleJob.read>) => {
        atOnce("DEL", `job:${ID}`);
        return legacySubtitleJob.read(...args);
      },
    };
    expect((await importAll({ map })).report.takenOver).toBe(0);
    expect(await client.exists(`job:${ID}`)).toBe(0);
    expect((await openStore().list()).items).toEqual([]);
  });

  test("a value that changes while it is taken over is read anew, and one that keeps changing is told", async () => {
    await client.set(`job:${ID}`, AMELIE);
    let changes = 0;
    /** As if the older system wrote between reading and writing: the map is called just there. */
    const racing = (most: number) => ({
      ...legacySubtitleJob,
      read: (...args: Parameters<typeof legacySubtitleJob.read>) => {
        if (changes < most) atOnce("SET", `job:${ID}`, legacy(ID, { video_title: `Change ${++changes}` }));
        return legacySubtitleJob.read(...args);
      },
    });
    expect(await importAll({ map: racing(1) })).toEqual({ report: { ...nothing, takenOver: 1 }, problems: [] });
    expect((await openStore().get(ID))?.data.videoTitle).toBe("Change 1");

    // Nor is one removed whose time is over, when it has been written anew meanwhile.
    changes = 0;
    await client.flushall();
    await client.set(`job:${ID}`, legacy(ID, { status: "failed", updated_at: ago(4 * DAY) }));
    expect((await importAll({ map: racing(1) })).report).toEqual({ ...nothing, takenOver: 1 });

    await client.flushall();
    await client.set(`job:${ID}`, AMELIE);
    const { report, problems } = await importAll({ map: racing(Number.POSITIVE_INFINITY) });
    expect(report).toEqual({ ...nothing, problems: 1 });
    expect(problems).toEqual([{ key: `job:${ID}`, reason: expect.stringContaining("still running") }]);
    expect(await client.get(`job:${ID}`)).toBe(legacy(ID, { video_title: `Change ${changes}` }));
  });

  test("jobs of the store among them are left alone", async () => {
    const store = openStore();
    const data = { videoUrl: "file:///a.mkv", videoTitle: "A", language: "en" };
    const { job } = await store.create(data, { id: ID });
    expect((await importAll()).report).toEqual({ ...nothing, alreadyTakenOver: 1 });
    expect(await store.get(ID)).toEqual(job);
  });

  test("a key prefix is taken as it is, and other prefixes are nobody's business", async () => {
    await client.set(`a[*]b:job:${ID}`, AMELIE);
    await client.set(`a*b:job:${ID}`, AMELIE);
    await client.set(`axb:job:${ID}`, AMELIE);
    expect((await importAll({ keyPrefix: "a[*]b:" })).report).toEqual({ ...nothing, takenOver: 1 });
    expect(await client.get(`a*b:job:${ID}`)).toBe(AMELIE);
    expect((await importAll({ keyPrefix: "a*b:" })).report).toEqual({ ...nothing, takenOver: 1 });
    expect(await client.get(`axb:job:${ID}`)).toBe(AMELIE);
  });

  test("another definition under the prefix is refused before anything happens", async () => {
    const other = defineJob({ name: "other", data: z.string(), initial: "new", statuses: { new: { next: [] } } });
    const store = createJobStore({ job: other, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
    onTestFinished(() => store.close());
    await store.create("x", { id: "x" });
    await client.set(`job:${ID}`, AMELIE);
    expect(await failureOf(importAll())).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await client.get(`job:${ID}`)).toBe(AMELIE);
  });

  test("a map of one's own brings any other values along", async () => {
    const note = defineJob({
      name: "note",
      data: z.object({ text: z.string() }),
      initial: "open",
      statuses: { open: { next: [] } },
    });
    await client.set("job:1", '["hello", 86400]');
    const report = await importLegacyJobs({
      client,
      map: {
        job: note,
        read: (value) => {
          const [text, seconds] = value as [string, number];
          return { status: "open", data: { text }, createdAt: new Date(seconds * 1000) };
        },
      },
    });
    expect(report).toEqual({ ...nothing, takenOver: 1 });
    const store = createJobStore({ job: note, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
    onTestFinished(() => store.close());
    expect(await store.get("1")).toMatchObject({ data: { text: "hello" }, createdAt: new Date(86_400_000) });
  });

  test("the store's permissions and SCAN are enough", async () => {
    await client.acl("SETUSER", "limited", "on", ">pass", ...redisPermissions().rule.split(" "), "+scan");
    onTestFinished(async () => void (await client.acl("DELUSER", "limited")));
    const limited = new Redis(`redis://limited:pass@127.0.0.1:${redis.port}`, { enableReadyCheck: false });
    onTestFinished(() => limited.disconnect());
    await client.set(`job:${ID}`, AMELIE);
    expect((await importAll({ client: limited })).report).toEqual({ ...nothing, takenOver: 1 });
  });

  test("the guide's code runs as written and prints what it says", async () => {
    const guide = await readFile(new URL("../../../docs/guides/migrating-from-python.md", import.meta.url), "utf8");
    /** The code of one file, and what the guide says it prints. */
    const example = (name: string) => {
      const [, code = "", , output = ""] =
        new RegExp(`\`\`\`js seeded\n// ${name}\n(.*?)\`\`\`\n\n(.*?\n\n)?\`\`\`text\n(.*?)\`\`\``, "s").exec(guide) ??
        [];
      return { code, output };
    };
    // Below the root, so that the packages are found, and in nobody's way.
    const folder = new URL("../../../node_modules/.guide/", import.meta.url);
    await mkdir(folder, { recursive: true });
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const run = async (name: string, ...args: string[]) => {
      const file = new URL(name, folder);
      await writeFile(file, example(name).code);
      const env = { ...process.env, REDIS_URL: redis.url };
      return (await promisify(execFile)(process.execPath, [fileURLToPath(file), ...args], { env })).stdout;
    };

    const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
    await client.mset({
      [`job:${id(1)}`]: legacy(id(1)),
      [`job:${id(2)}`]: legacy(id(2), { status: "done", updated_at: ago(DAY) }),
      [`job:${id(3)}`]: legacy(id(3), { status: "subtitle_missing", updated_at: ago(4 * DAY) }),
      [`job:${id(4)}`]: legacy(id(5)),
    });
    await client.lpush(`job:events:${id(1)}`, "{}");
    const before = await everything();
    expect(await run("import.mjs", "--dry-run")).toBe(example("import.mjs").output);
    expect(await everything()).toEqual(before);
    expect(await run("import.mjs")).toBe(example("import.mjs").output);
    expect(await run("unfinished.mjs")).toBe(example("unfinished.mjs").output);
  });
});
