import { randomUUID } from "node:crypto";
import { afterAll, describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { redisDriver } from "../src/redis.js";
import { expectAgreement } from "./model.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Redis compared with a model"), () => {
  const address = url as string;
  const testPrefix = `${prefix}model:`;
  afterAll(() => removeKeys(address, testPrefix));

  test("for any sequence of calls, the store agrees with a model", async () => {
    const open = async () => ({
      driver: redisDriver({ url: address, keyPrefix: `${testPrefix}${randomUUID()}:`, timeoutMs: 60_000 }),
    });
    await expectAgreement(open, 40);
  });
});
