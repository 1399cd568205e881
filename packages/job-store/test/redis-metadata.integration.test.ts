import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { report } from "../src/lib/contract/definitions.js";
import { openRecordedStore } from "../src/lib/store/recorded-store.js";
import { redisDriver } from "../src/redis.js";
import { cli, lines } from "./cli-place.js";
import { failureOf, openStore } from "./redis-store.js";

const redis = server("redis");
const url = redis.url ?? "";

describe.skipIf(redis.url === null)(redis.title("Metadata of a store in Redis"), () => {
  const client = new Redis(url, { lazyConnect: true });
  afterAll(() => client.disconnect());

  test("makes a driver with another number of shards open the recorded ones", async () => {
    const keyPrefix = `${redis.prefix}${randomUUID()}:`;
    const { store } = openStore({ client, keyPrefix, shards: 40 });
    // A shard has metadata after its first call: with one job, only one of the 40 shards has.
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const driver = redisDriver({ client, keyPrefix, shards: 2 });
    const opened = (await openRecordedStore(driver)) ?? expect.fail("no metadata was found");
    onTestFinished(() => opened.store.close());
    expect(await opened.store.get("a")).toEqual(job);
    expect(opened.store.definition).toMatchObject({ name: report.name, initial: "waiting" });
    // The command line has no option for the number of shards. A driver without shards does not read keys of shards.
    expect(await redisDriver({ url, keyPrefix }).readMetadata()).toBeNull();
    expect(lines((await cli(keyPrefix, ["list"])).out)).toMatchObject([{ id: "a" }]);
  });

  test("of another program's key is reported as UNAVAILABLE", async () => {
    const keyPrefix = `${redis.prefix}${randomUUID()}:`;
    await client.set(`${keyPrefix}jobs:metadata`, "something else");
    const error = await failureOf(redisDriver({ url, keyPrefix }).readMetadata());
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    expect(error.message).toMatch(/^The metadata of the store cannot be read: .*wrong kind of value/);
  });
});
