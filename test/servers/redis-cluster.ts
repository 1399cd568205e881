import { Redis } from "ioredis";
import { freePorts } from "./ports.js";
import type { PrivateServer } from "./private-server.js";
import { startRedis } from "./redis.js";

const SLOTS = 16_384;

/** Redis Cluster that belongs to one test. */
export interface RedisCluster extends AsyncDisposable {
  /** Masters in the order of their slots, then one replica of each master if there are replicas. */
  readonly nodes: readonly PrivateServer[];
  /** Returns the client of one node. It is closed by `stop`. */
  client(node: number): Redis;
  stop(): Promise<void>;
}

/** Starts a private Redis Cluster: three masters, and with `replicas` one replica of each. */
export async function startRedisCluster({ replicas = false } = {}): Promise<RedisCluster> {
  const masters = 3;
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-announce-ip", "127.0.0.1"];
  const nodes: PrivateServer[] = [];
  const clients: Redis[] = [];
  const stop = async () => {
    for (const client of clients) client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const client = (node: number) => clients[node] as Redis;
  try {
    for (let n = 0; n < masters * (replicas ? 2 : 1); n++) {
      const node = await startRedis({ args: [...args, "--cluster-port", `${(await freePorts(1))[0]}`] });
      nodes.push(node);
      clients.push(new Redis(node.url, { retryStrategy: () => 50 }).on("error", () => {}));
    }
    for (let n = 0; n < masters; n++) {
      const [first, end] = [Math.floor((SLOTS * n) / masters), Math.floor((SLOTS * (n + 1)) / masters)];
      await client(n).cluster("ADDSLOTSRANGE", first, end - 1);
    }
    for (const [n, { port }] of nodes.entries()) {
      if (n > 0) await client(0).call("CLUSTER", "MEET", "127.0.0.1", port, await busPortOf(client(n)));
    }
    await waitUntil(async () => (await readyStates(clients, nodes.length)).every((ready) => ready));
    for (let n = masters; n < nodes.length; n++) {
      const master = String(await client(n - masters).call("CLUSTER", "MYID"));
      await waitUntil(async () => (await client(n).call("CLUSTER", "REPLICATE", master)) === "OK");
    }
    await waitUntil(async () => (await readyStates(clients, nodes.length)).every((ready) => ready));
    for (let n = masters; n < nodes.length; n++) {
      await waitUntil(async () => (await client(n).info("replication")).includes("master_link_status:up"));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, client, stop, [Symbol.asyncDispose]: stop };
}

/** Returns true for each node that knows all other nodes and accepts commands. */
function readyStates(clients: readonly Redis[], size: number): Promise<readonly boolean[]> {
  return Promise.all(
    clients.map(async (client) => {
      const info = String(await client.cluster("INFO"));
      return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${size}`);
    }),
  );
}

async function busPortOf(client: Redis): Promise<number> {
  const [, port] = (await client.config("GET", "cluster-port")) as [string, string];
  return Number(port);
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > end) throw new Error("The Redis Cluster was not ready after 60 seconds");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
