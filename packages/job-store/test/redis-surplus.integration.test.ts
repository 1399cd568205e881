import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { PATIENCE } from "../../../test/patience.js";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, defineJob } from "../src/index.js";
import { redisDriver } from "../src/redis.js";
import { failureOf } from "./redis-store.js";

const { url, prefix, title } = server("redis");

const atMost = (maxCount: number) =>
  defineJob({
    name: "film",
    data: z.object({ language: z.string() }),
    initial: "wanted",
    statuses: { wanted: { next: ["found"], maxCount }, found: { next: [] } },
    index: { language: (data) => data.language },
  });
const film = atMost(2);

describe.skipIf(url === null)(title("A status with a maxCount in Redis"), () => {
  function start() {
    const keyPrefix = `${prefix}${randomUUID()}:`;
    const client = new Redis(url as string);
    onTestFinished(async () => {
      client.disconnect();
      await removeKeys(url as string, keyPrefix);
    });
    const open = (job = film) => {
      const store = createJobStore({ job, driver: redisDriver({ url: url as string, keyPrefix, timeoutMs: 10_000 }) });
      onTestFinished(() => store.close());
      return store;
    };
    const create = (store: ReturnType<typeof open>, id: string) => store.create({ language: "es" }, { id });
    return { client, keyPrefix, open, create };
  }

  test("keeps only the operation ids of a deleted job, for late retries", async () => {
    const { client, keyPrefix, open, create } = start();
    const store = open();
    await create(store, "a");
    const operation = /,0,"(\w+)"/.exec(String(await client.get(`${keyPrefix}job:a`)))?.[1];
    await create(store, "b");
    await create(store, "c");
    await vi.waitFor(async () => expect(await store.get("a")).toBeNull(), PATIENCE);
    const tombstones = await client.sunion(`${keyPrefix}jobs:tombstones:even`, `${keyPrefix}jobs:tombstones:odd`);
    expect(tombstones).toEqual([operation]);
    for (const index of ["by-status", "by-creation", "by-field"]) {
      const members = await client.zrange(`${keyPrefix}jobs:${index}`, "0", "-1");
      expect(members.filter((member) => /a$/.test(member))).toEqual([]);
    }
    expect(await client.hkeys(`${keyPrefix}jobs:values`)).toEqual(["b", "c"]);
  });

  test("does not delete a named job whose status has changed, or that does not exist any more", async () => {
    const { client, keyPrefix, open, create } = start();
    const [store, other] = [open(), open()];
    // Another client changes the oldest jobs, whose ids the first store knows.
    for (const id of ["a", "b"]) await create(store, id);
    await other.updateStatus("a", "found");
    await client.del(`${keyPrefix}job:b`);
    for (const id of ["c", "d", "e"]) await create(store, id);
    await vi.waitFor(async () => expect((await store.counts()).wanted).toBe(2), PATIENCE);
    expect(await store.getMany(["a", "b", "c"])).toMatchObject([{ status: "found" }, null, null]);
    expect((await store.list({ status: "wanted", order: "oldest" })).items.map(({ id }) => id)).toEqual(["d", "e"]);
  });

  test("is limited although hundreds of calls are in flight at a time", async () => {
    const { open } = start();
    const most = 1000;
    const many = atMost(most);
    const [store, reader] = [open(many), open(many)];
    await store.createMany(Array.from({ length: most }, () => ({ data: { language: "es" } })));
    let left = 3000;
    let mostSeen = 0;
    const write = async () => {
      while (left-- > 0) await store.create({ language: "es" });
    };
    const calls = 400;
    const writing = Promise.all(Array.from({ length: calls }, write));
    while (left > 0) mostSeen = Math.max(mostSeen, (await reader.counts()).wanted);
    await writing;
    expect(mostSeen).toBeGreaterThanOrEqual(most);
    expect(mostSeen).toBeLessThanOrEqual(most + 2 * calls + 32);
  });

  test("is trimmed after the connection is restored, although no more jobs are written", async () => {
    const { client, keyPrefix } = start();
    await using proxy = await startTcpProxy({ url: url as string });
    const store = createJobStore({ job: film, driver: redisDriver({ url: proxy.url, keyPrefix, timeoutMs: 1000 }) });
    onTestFinished(() => store.close());
    await store.counts();
    await Promise.all(["a", "b", "c", "d"].map((id) => store.create({ language: "es" }, { id })));
    await proxy.shut(); // Before the excess jobs are deleted.
    for (let n = 0; n < 2; n++) await failureOf(store.counts()); // By then that has failed as well.
    expect(await client.zcard(`${keyPrefix}jobs:by-status`)).toBe(4);
    await proxy.open();
    await vi.waitFor(async () => expect(await client.zcard(`${keyPrefix}jobs:by-status`)).toBe(2), PATIENCE);
  });

  test("is trimmed soon after the last write, and the process can end", async () => {
    const { open, create } = start();
    const store = open();
    for (const id of ["a", "b", "c"]) await create(store, id);
    await store.close();
    const later = open();
    await create(later, "d");
    await vi.waitFor(async () => expect(await later.counts()).toMatchObject({ wanted: 2 }), PATIENCE);
  });
});
