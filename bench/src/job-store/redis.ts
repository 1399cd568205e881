import { Redis } from "ioredis";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { type RedisOptions, startRedis } from "../../../test/servers/redis.js";
import { pin } from "../frame/cores.js";

/** A Redis of a suite's own, and what it has used of its core. */
export interface BenchRedis extends AsyncDisposable {
  readonly server: Pick<PrivateServer, "pid" | "folder">;
  readonly url: string;
  readonly admin: Redis;
  connect(options?: { readonly enableAutoPipelining: boolean }): Redis;
  /** CPU time of the thread that serves commands, in ms. */
  cpu(): Promise<number>;
  /** Bytes in use. */
  memory(): Promise<number>;
}

export async function benchRedis(options?: RedisOptions): Promise<BenchRedis> {
  const server = await startRedis(options);
  pin(server.pid, "server");
  const clients: Redis[] = [];
  const connect = (options = { enableAutoPipelining: false }) => {
    const client = new Redis(server.url, options);
    clients.push(client);
    return client;
  };
  const admin = connect();
  const figure = async (section: string, name: string) =>
    Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(await admin.info(section))?.[1]);
  return {
    server,
    url: server.url,
    admin,
    connect,
    cpu: async () =>
      1000 * ((await figure("cpu", "used_cpu_user_main_thread")) + (await figure("cpu", "used_cpu_sys_main_thread"))),
    memory: () => figure("memory", "used_memory"),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.disconnect();
      await server.stop();
    },
  };
}
