import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { isNow, type System } from "./system.js";

/**
 * Three masters, each with a replica. Nodes talk to each other over ports of their own, so a master is cut off by stopping
 * it: it wakes up as one, with what clients had sent it meanwhile.
 */
export async function cluster(): Promise<System> {
  const nodes = await startRedisCluster({ replicas: true });
  const [master, , , replica] = nodes.nodes as readonly PrivateServer[] & { 0: PrivateServer; 3: PrivateServer };
  return {
    options: { cluster: nodes.nodes.map(({ port }) => ({ host: "127.0.0.1", port })), shards: 6 },
    async kill() {
      await master.kill();
      return () => master.restart();
    },
    async split() {
      await master.kill("SIGSTOP");
      return () => master.kill("SIGCONT");
    },
    hasTakenOver: () => isNow(replica.url, "master"),
    hasGivenIn: () => isNow(master.url, "slave"),
    [Symbol.asyncDispose]: () => nodes.stop(),
  };
}
