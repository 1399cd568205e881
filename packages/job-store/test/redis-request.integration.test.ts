import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { failureOf, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("A request whose reply is lost"), () => {
  const redis = new PrivateRedis();
  let proxy: TcpProxy;

  beforeEach(async () => {
    proxy = await startTcpProxy(redis.server);
    return () => proxy.close();
  });

  const outbox = [{ queue: "reports", payload: 1 }];

  /** Opens a store that uses the proxy, and one that does not. The server has the script of requests. */
  async function start(historyLimit: number) {
    const open = (url: string) => {
      const store = createJobStore({ job: report, driver: redisDriver({ url, timeoutMs: 60_000 }), historyLimit });
      onTestFinished(() => store.close());
      return store;
    };
    const [store, other] = [open(proxy.url), open(redis.url)];
    await store.request({ title: "First" }, { id: "first" });
    return { store, other };
  }

  for (const historyLimit of [0, 1, 32]) {
    test(`has the outcome of the attempt that was carried out, with a history of ${historyLimit}`, async () => {
      const { store, other } = await start(historyLimit);
      for (const [outcome, version] of [
        ["created", 1],
        ["retried", 3],
      ] as const) {
        if (outcome === "retried") await other.updateStatus("a", "failed");
        proxy.swallowReplies();
        const answer = store.request({ title: "One" }, { id: "a", retryFrom: ["failed"], outbox });
        await vi.waitFor(async () => expect(await other.get("a")).toMatchObject({ version }), PATIENCE);
        proxy.heal();
        proxy.cut();
        expect(await answer).toEqual({ outcome, job: await other.get("a") });
      }
      expect(await other.get("a")).toMatchObject({ version: 3, attempt: 2, status: "waiting" });
      expect(await other.outbox.depth()).toBe(2);
    });
  }

  test("does not create the job again if another process has deleted it", async () => {
    const { store, other } = await start(32);
    proxy.swallowReplies();
    const answer = store.request({ title: "One" }, { id: "a", outbox });
    await vi.waitFor(async () => expect(await other.delete("a")).toBe(true), PATIENCE);
    proxy.heal();
    proxy.cut();
    expect(await failureOf(answer)).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    expect(await other.get("a")).toBeNull();
    expect(await other.outbox.depth()).toBe(1);
  });
});
