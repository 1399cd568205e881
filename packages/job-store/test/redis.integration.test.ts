import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer, server } from "../../../test/servers/require.js";
import { redisDriver, redisPermissions } from "../src/redis.js";
import { testDriver } from "../src/testing.js";

const shared = server("redis");
const { available, title } = privateServer("redis");

/** End of a key prefix. It has more bytes than characters. */
const SUFFIX = "séance:映画:🎬:";

// The shared server runs the same program as a private one, except if its address is given. A run on both would show nothing new.
const onShared = !available || Boolean(process.env.REDIS_URL);

if (onShared) {
  describe.skipIf(shared.url === null)(shared.title("Redis"), () => {
    testDriver("redis", async () => {
      const address = shared.url as string;
      const keyPrefix = `${shared.prefix}${randomUUID()}:${SUFFIX}`;
      const open = () => redisDriver({ url: address, keyPrefix, timeoutMs: 60_000 });
      return {
        driver: open(),
        again: open,
        corrupt: async (id) => {
          const redis = new Redis(address);
          await redis.set(`${keyPrefix}job:${id}`, '{"not":"a job"');
          redis.disconnect();
        },
        close: () => removeKeys(address, keyPrefix),
      };
    });
  });
}

describe.skipIf(!available)(title("Redis with a user that has only the permissions of redisPermissions"), () => {
  let redis: PrivateServer;
  let admin: Redis;

  beforeAll(async () => {
    // Each test has a user of its own, so the log of denied commands has many entries.
    redis = await startRedis({ args: ["--acllog-max-len", "10000"] });
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  testDriver("redis", async () => {
    // In patterns of keys, brackets and asterisks have a meaning.
    const keyPrefix = `${randomUUID()} [*]:${SUFFIX}`;
    // The conformance tests make audits.
    const { rule } = redisPermissions({ keyPrefix, audit: true });
    const user = randomUUID();
    await admin.acl("SETUSER", user, "on", ">pass", ...rule.split(" "));
    const open = () =>
      redisDriver({ url: `redis://${user}:pass@127.0.0.1:${redis.port}`, keyPrefix, timeoutMs: 60_000 });
    return {
      driver: open(),
      again: open,
      corrupt: async (id) => void (await admin.set(`${keyPrefix}job:${id}`, '{"not":"a job"')),
      close: async () => {
        await admin.acl("DELUSER", user);
        await admin.flushall();
      },
    };
  });

  test("only optional commands were denied in all of these tests", async () => {
    const denials = (await admin.acl("LOG", 10_000)) as readonly (readonly unknown[])[];
    const fieldOf = (denial: readonly unknown[], name: string) => denial[denial.indexOf(name) + 1];
    // A driver can reconnect after its test has deleted the user. This is a failed login.
    const denied = new Set(
      denials.filter((denial) => fieldOf(denial, "reason") !== "auth").map((denial) => fieldOf(denial, "object")),
    );
    expect(denied).toContain("info");
    expect(Object.keys(redisPermissions().optional)).toEqual(expect.arrayContaining([...denied]));
  });
});
