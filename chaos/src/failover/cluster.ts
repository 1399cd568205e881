import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { expectRole, type System } from "./system.js";

/**
 * Starts a cluster of three masters with one replica each. The connections between nodes cannot be cut, so `split` stops a
 * master. After SIGCONT it still acts as a master, and finds the commands that clients have sent in the meantime.
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
    expectPromotedReplica: () => expectRole(replica.url, "master"),
    expectDemotedMaster: () => expectRole(master.url, "slave"),
    [Symbol.asyncDispose]: () => nodes.stop(),
  };
}
