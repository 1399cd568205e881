import { readdirSync, readFileSync } from "node:fs";
import { Cluster, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { keysUnder } from "../../packages/job-store/src/lib/redis/keys.js";
import { startRedis } from "../servers/redis.js";
import { startRedisCluster } from "../servers/redis-cluster.js";
import { privateServer } from "../servers/require.js";
import { parseLine, toLine } from "./commands.js";
import { contentsOf } from "./contents.js";
import { KEY_PREFIX, type Orders, openOrders } from "./definition.js";

const { available, title } = privateServer("redis");
const folder = new URL("recordings/", import.meta.url);
const versions = readdirSync(folder).toSorted(new Intl.Collator("en", { numeric: true }).compare);

const read = (version: string, file: string) => readFileSync(new URL(`${version}/${file}`, folder), "utf8");
const linesOf = (version: string, name: string) => read(version, `${name}.txt`).trimEnd().split("\n");

/** Starts a server with the recorded keys, and opens the store in it. */
async function restore(version: string, name: "one-server" | "shards"): Promise<Orders> {
  const { client, options } = name === "shards" ? await startCluster() : await startOne();
  onTestFinished(() => client.disconnect());
  for (const line of linesOf(version, name)) {
    const [command, ...args] = parseLine(line);
    await client.call(command.toLowerCase(), args);
  }
  const store = openOrders(options);
  onTestFinished(() => store.close());
  return store;
}

async function startOne() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const client = new Redis(server.url);
  return { client, options: { client } };
}

async function startCluster() {
  const server = await startRedisCluster();
  onTestFinished(() => server.stop());
  const cluster = server.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  return { client: new Cluster(cluster), options: { cluster, shards: 3 } };
}

const CLEAN = { missingFromIndex: 0, staleInIndex: 0, unreadable: 3 };

describe.skipIf(!available)(title("A store that a version recorded"), () => {
  const recordings = versions.flatMap((version) =>
    (["one-server", "shards"] as const).map((name) => [version, name] as const),
  );

  test.each(recordings)(
    "of %s on %s has every job, message and index, and the audit is clean",
    async (version, name) => {
      const expected = JSON.parse(read(version, `${name}.json`));
      expect(expected.contents.audit).toMatchObject(CLEAN);
      const store = await restore(version, name);
      expect(await contentsOf(store, expected.cursor)).toEqual(expected.contents);
    },
  );

  test.each(recordings)("of %s on %s accepts every kind of change, and the audit is clean", async (version, name) => {
    const store = await restore(version, name);
    const readable = (await store.list({ limit: 1_000 })).items;
    const messages = (await store.outbox.read({ limit: 1_000 })).map(({ id }) => id);
    // The message of the ended lease is sent again.
    expect(messages).toContain("ended.1.0");
    const rejected = await store.outbox.rejected();
    await store.outbox.requeue(rejected.map(({ entryId }) => entryId));
    expect((await store.outbox.read({ limit: 1_000 })).map(({ id }) => id)).toEqual(["rejected"]);
    const scheduled = (await store.outbox.list({ kind: "scheduled" })).entries.map(({ entryId }) => entryId);
    expect(await store.outbox.cancel(scheduled)).toEqual(scheduled.map(() => true));
    expect(await store.resumeQueue("work")).toBe(true);

    for (const { id, status, version: before } of readable) {
      const retriable = status === "failed" || status === "cancelled";
      if (status === "waiting") await store.updateProgress(id, { percent: 1 });
      const changed = retriable
        ? await store.updateStatus(id, "waiting", { ifVersion: before })
        : status === "done"
          ? await store.save((await store.get(id)) ?? expect.fail(`${id} is missing`))
          : await store.updateStatus(id, "failed", { ifVersion: before, error: { message: "upgraded" } });
      expect(changed).toMatchObject({ id, version: before + 1 });
    }
    expect(await store.audit()).toMatchObject({ ...CLEAN, jobs: readable.length + 3 });
    const counts = await store.counts();
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(readable.length + 3);
    expect(await store.deleteMany([...readable.map(({ id }) => id), "invalid", "damaged", "replaced"])).toBe(
      readable.length + 3,
    );
    expect(await store.audit()).toMatchObject({ jobs: 0, missingFromIndex: 0, staleInIndex: 0, unreadable: 0 });
  });
});

describe("The newest recording", () => {
  const newest = versions.at(-1) ?? "";
  const recorded = linesOf(newest, "one-server").map((line) => parseLine(line)[1]?.toString() ?? "");

  test("has lines that are the same after they were parsed", () => {
    for (const name of ["one-server", "shards"]) {
      for (const line of linesOf(newest, name)) expect(toLine(parseLine(line))).toBe(line);
    }
  });

  /** Keys that a recording need not have: most of them expire within seconds. */
  const SHORT_LIVED = new Set(["probe", "evenTombstones", "oddTombstones", "timeoutsOwner", "timeoutsDeferred"]);

  test.each(Object.entries(keysUnder(KEY_PREFIX)).filter(([name]) => !SHORT_LIVED.has(name)))(
    "has the key %s of the store",
    (_, key) => {
      const start = typeof key === "string" ? key : key("");
      expect(recorded.some((one) => (typeof key === "string" ? one === start : one.startsWith(start)))).toBe(true);
    },
  );
});
