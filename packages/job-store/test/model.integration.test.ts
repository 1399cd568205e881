import { randomUUID } from "node:crypto";
import { afterAll, describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { redisDriver } from "../src/redis.js";
import { agreesWithModel } from "./model.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Redis against a model"), () => {
  const address = url as string;
  const family = `${prefix}model:`;
  afterAll(() => removeKeys(address, family));

  test("whatever is done in whatever order, the store agrees with a model in plain code", async () => {
    const open = async () => ({
      driver: redisDriver({ url: address, keyPrefix: `${family}${randomUUID()}:`, timeoutMs: 60_000 }),
    });
    await agreesWithModel(open, 40);
  });
});
