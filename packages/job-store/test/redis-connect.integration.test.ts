import { createServer } from "node:net";
import * as ioredis6 from "ioredis";
import * as ioredis5 from "ioredis-5";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import type { RedisDriverOptions } from "../src/redis.js";
import { failureOf, openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("A connection that Redis refuses"), () => {
  let redis: PrivateServer;
  let admin: ioredis6.Redis;

  beforeAll(async () => {
    redis = await startRedis();
    admin = new ioredis6.Redis(redis.url);
    await admin.acl("SETUSER", "limited", "on", ">right", "~*", "+@all", "-select");
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  const as = (user: string, rest = "") => `redis://${user}@127.0.0.1:${redis.port}${rest}`;

  /** Checks that the event, a call and health report the same reason. */
  async function expectRefusal(options: RedisDriverOptions, says: RegExp) {
    const { store, events } = openStore({ timeoutMs: 200, ...options });
    await expect.poll(() => events.map(({ message }) => message).join(), PATIENCE).toMatch(says);
    // While the driver connects again, the reason is that the server has not replied yet.
    await expect
      .poll(async () => (await failureOf(store.create({ title: "refused" }, { id: "refused" }))).message, PATIENCE)
      .toMatch(says);
    await expect.poll(async () => (await store.health({ timeoutMs: 200 })).error, PATIENCE).toMatch(says);
    expect(await admin.exists("job:refused")).toBe(0);
    return events.map(({ message }) => message).join();
  }

  test("because of a wrong password names the setting to check, without the password", async () => {
    const said = await expectRefusal(
      { url: as("limited:wrong-password") },
      /the user name or the password is wrong; check both /,
    );
    expect(said).toMatch(/^No connection to Redis \(.*disabled\)\)\. The driver keeps trying to reconnect\.$/);
    expect(said).not.toContain("wrong-password");
  });

  test("because of a missing password names the option for it", async () => {
    await admin.config("SET", "requirepass", "right");
    onTestFinished(() => void admin.config("SET", "requirepass", ""));
    await expectRefusal({ url: redis.url }, /it requires a password; give it in the url.*NOAUTH/);
  });

  test.each([
    [
      "the server does not have",
      () => ({ url: `${redis.url}/99` }),
      /it does not have this database; check the number/,
    ],
    ["the user may not select", () => ({ url: as("limited:right", "/1") }), /NOPERM/],
  ])("because of a database that %s stores nothing in database 0", async (_, options, says) => {
    expect(await expectRefusal(options(), says)).not.toContain("Connected");
  });

  test("because of a database stores nothing in database 0, also with a client of ioredis 5", async () => {
    const client = new ioredis5.Redis(`${redis.url}/99`, { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    const { store, events } = openStore({ timeoutMs: 200, client });
    await expect
      .poll(() => events.map(({ message }) => message).join(), PATIENCE)
      .toContain("check the number in the url");
    expect(await failureOf(store.create({ title: "refused" }, { id: "refused" }))).toMatchObject({
      code: "UNAVAILABLE",
    });
    expect(await admin.exists("job:refused")).toBe(0);
  });

  test("as cluster, because it is a single server, names the option url", async () => {
    const cluster = [{ host: "127.0.0.1", port: redis.port }];
    await expectRefusal({ cluster }, /not a node of a Redis Cluster; pass .* as url/);
  });

  test("because the server is not a Redis names host and port as settings to check", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).write("AMQP\x00\x00\x09\x01"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await expectRefusal({ url: `redis://127.0.0.1:${port}` }, /its reply is not a reply of Redis; check host and port/);
  });
});
