import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { startSentinel } from "../../../test/servers/redis-sentinel.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { retry } from "../retry.js";
import { expectRole, type System, untilReplicating, withClient } from "./system.js";

/**
 * Starts a master, a replica and a sentinel. The replica and the sentinel connect to the master through a proxy. The client
 * connects directly, so it still reaches the master after a split.
 */
export async function sentinel(): Promise<System> {
  await using all = new AsyncDisposableStack();
  const master = all.use(await startRedis({ args: PERSISTENT }));
  const proxy = all.use(await startTcpProxy(master));
  const replica = all.use(await startRedis({ args: [...PERSISTENT, "--replicaof", "127.0.0.1", `${proxy.port}`] }));
  const monitor = all.use(await startSentinel(proxy, "tasks"));
  await untilReplicating(replica.url);
  await retry(() =>
    withClient(monitor.url, async (client) => {
      const replicas = (await client.call("SENTINEL", "REPLICAS", "tasks")) as readonly unknown[];
      if (replicas.length === 0) throw new Error("The sentinel has not found the replica yet.");
    }),
  );
  const natMap = { [`127.0.0.1:${proxy.port}`]: { host: "127.0.0.1", port: master.port } };
  const kept = all.move();
  return {
    options: { sentinels: [{ host: "127.0.0.1", port: monitor.port }], name: "tasks", redis: { natMap } },
    async kill() {
      await master.kill();
      return () => master.restart();
    },
    async split() {
      proxy.freeze();
      return async () => {
        proxy.cut();
        proxy.heal();
      };
    },
    expectPromotedReplica: () => expectRole(replica.url, "master"),
    expectDemotedMaster: () => expectRole(master.url, "slave"),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
