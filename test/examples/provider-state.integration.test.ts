import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { redisProviderStates } from "../../examples/showcase/contracts/src/redis-provider-states.js";
import { server } from "../servers/require.js";

const redis = server("redis");

describe.skipIf(redis.url === null)(redis.title("redisProviderStates"), () => {
  const options = { url: redis.url ?? "", keyPrefix: `${redis.prefix}states:`, onError: () => {} };

  test("another process reads each state, and concurrent changes of different fields do not overwrite each other", async () => {
    const client = new Redis(options.url);
    onTestFinished(async () => {
      await client.unlink(`${options.keyPrefix}providers`);
      client.disconnect();
    });
    await using one = redisProviderStates(options);
    await using other = redisProviderStates(options);
    await expect.poll(() => Promise.all([one.list(), other.list()]).catch(() => null)).toEqual([[], []]);

    await Promise.all([
      one.note("opensubtitles", { remaining: 3, allowed: 20, resetsAt: "2030-01-01T00:00:00.000Z" }),
      other.note("opensubtitles", { throttledUntil: "2030-01-01T00:00:00.000Z", reason: "Too many requests." }),
      other.note("openai", { remaining: null }),
    ]);
    expect(await one.get("opensubtitles")).toMatchObject({ remaining: 3, allowed: 20, reason: "Too many requests." });
    expect((await other.list()).map(({ name }) => name)).toEqual(["openai", "opensubtitles"]);
  });
});
