import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { startSentinel } from "../../../test/servers/redis-sentinel.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { patiently } from "../patience.js";
import { asking, isNow, type System, untilReplicating } from "./system.js";

/** A master and its replica, watched by a sentinel. Both reach the master through a proxy, the client does not: it is left alone with it. */
export async function watchedByASentinel(): Promise<System> {
  await using all = new AsyncDisposableStack();
  const master = all.use(await startRedis({ args: PERSISTENT }));
  const proxy = all.use(await startTcpProxy(master));
  const replica = all.use(await startRedis({ args: [...PERSISTENT, "--replicaof", "127.0.0.1", `${proxy.port}`] }));
  const sentinel = all.use(await startSentinel(proxy, "tasks"));
  await untilReplicating(replica.url);
  await patiently(() =>
    asking(sentinel.url, async (client) => {
      const replicas = (await client.call("SENTINEL", "REPLICAS", "tasks")) as readonly unknown[];
      if (replicas.length === 0) throw new Error("the sentinel knows no replica");
    }),
  );
  const natMap = { [`127.0.0.1:${proxy.port}`]: { host: "127.0.0.1", port: master.port } };
  const kept = all.move();
  return {
    options: { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "tasks", redis: { natMap } },
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
    hasTakenOver: () => isNow(replica.url, "master"),
    hasGivenIn: () => isNow(master.url, "slave"),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
