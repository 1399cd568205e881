import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { redisPermissions } from "../src/redis.js";
import { failureOf, openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");
const waitReplicas = { count: 1 };

describe.skipIf(!available)(title("Waiting for replicas"), () => {
  let primary: PrivateServer;
  let replica: PrivateServer;
  let onReplica: Redis;

  beforeAll(async () => {
    primary = await startRedis();
    replica = await startRedis({ args: ["--replicaof", "127.0.0.1", `${primary.port}`] });
    onReplica = new Redis(replica.url);
    await vi.waitFor(
      async () => expect(await onReplica.info("replication")).toContain("master_link_status:up"),
      PATIENCE,
    );
  });
  afterAll(async () => {
    onReplica.disconnect();
    await Promise.all([primary.stop(), replica.stop()]);
  });
  beforeEach(async () => {
    const admin = new Redis(primary.url);
    await admin.flushall(); // The server is private and has no other data.
    admin.disconnect();
  });

  test("an acknowledged change is stored on a replica", async () => {
    const { store } = openStore({ url: primary.url, waitReplicas });
    for (let n = 0; n < 50; n++) {
      await store.create({ title: "One" }, { id: `job-${n}` });
      expect(await onReplica.exists(`job:job-${n}`)).toBe(1);
    }
  });

  test("a change that is not stored on a replica is not acknowledged, and reads still work", async () => {
    const { store } = openStore({ url: primary.url, waitReplicas, timeoutMs: 3_000 });
    // On a busy machine, connecting may take longer than the timeout.
    await vi.waitFor(() => store.create({ title: "One" }, { id: "before" }), PATIENCE);
    await replica.kill("SIGSTOP");
    onTestFinished(() => replica.kill("SIGCONT"));
    const failing = failureOf(store.create({ title: "One" }, { id: "a" }));
    for (let n = 0; n < 10; n++) expect(await store.get("before")).not.toBeNull();
    expect(await failing).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });

    await replica.kill("SIGCONT");
    await vi.waitFor(() => store.create({ title: "One" }, { id: "b" }), PATIENCE);
    expect(await onReplica.exists("job:a", "job:b")).toBe(2);
  });

  test("ends after the configured time, and not later than the timeout of the call", async () => {
    const { store } = openStore({ url: primary.url, waitReplicas: { count: 2, timeoutMs: 30 }, timeoutMs: 600_000 });
    const failure = await failureOf(store.create({ title: "One" }));
    expect(failure).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    expect(failure.message).toMatch(
      /^Only 1 of 2 replicas \(waitReplicas\.count\) have confirmed the change in time\./,
    );
  });

  test("a change whose connection was lost during the wait is applied once, and acknowledged when a replica has stored it", async () => {
    await using proxy = await startTcpProxy(primary);
    const { store } = openStore({ url: proxy.url, waitReplicas, timeoutMs: 60_000 });
    await store.create({ title: "One" }, { id: "a" });
    await replica.kill("SIGSTOP");
    onTestFinished(() => replica.kill("SIGCONT"));
    const moving = store.updateStatus("a", "working");
    const { store: other } = openStore({ url: primary.url });
    await vi.waitFor(async () => expect(await other.get("a")).toMatchObject({ version: 2 }), PATIENCE);
    proxy.cut();
    await replica.kill("SIGCONT");
    expect(await moving).toMatchObject({ version: 2 });
    expect(await onReplica.get("job:a")).toContain('"version":2');
  });

  test("a missing permission for WAIT is reported before anything is written", async () => {
    const admin = new Redis(primary.url);
    onTestFinished(() => admin.disconnect());
    const { rule, optional } = redisPermissions();
    expect(optional).toHaveProperty("wait");
    await admin.acl("SETUSER", "limited", "reset", "on", ">pass", ...rule.split(" "));
    const url = `redis://limited:pass@127.0.0.1:${primary.port}`;
    const { store } = openStore({ url, waitReplicas });
    const failure = await failureOf(store.create({ title: "One" }, { id: "a" }));
    expect(failure).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    expect(failure.message).toContain("'wait'");
    expect(await admin.exists("job:a")).toBe(0);
    await admin.acl("SETUSER", "limited", "+wait");
    expect(await store.create({ title: "One" }, { id: "a" })).toMatchObject({ created: true });
  });

  test("in a cluster each shard waits for the replicas of its own node", async () => {
    await using cluster = await startRedisCluster({ replicas: true });
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const { store } = openStore({ cluster: nodes, waitReplicas, timeoutMs: 5_000 });
    const ids = Array.from({ length: 30 }, (_, n) => `job-${n}`);
    const create = () => store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    await vi.waitFor(async () => {
      for (const result of await create()) expect(result).toMatchObject({ status: "fulfilled" });
    }, PATIENCE);
    const replicas = [3, 4, 5].map((node) => cluster.client(node));
    const keys = await Promise.all(replicas.map((client) => client.keys("*job:job-*")));
    expect(keys.flat()).toHaveLength(ids.length);
    await cluster.nodes[3]?.kill();
    const moved = await Promise.allSettled(ids.map((id) => store.updateStatus(id, "working")));
    const refused = moved.filter(({ status }) => status === "rejected");
    expect(refused.length).toBe(keys[0]?.length);
    for (const one of refused) expect(one).toMatchObject({ reason: { code: "UNAVAILABLE", indeterminate: true } });
  });
});
