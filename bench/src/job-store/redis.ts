import { Redis } from "ioredis";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { type RedisOptions, startRedis } from "../../../test/servers/redis.js";
import { pin } from "../harness/cores.js";

/** Private Redis of a suite, with its CPU time and memory. */
export interface BenchRedis extends AsyncDisposable {
  readonly server: Pick<PrivateServer, "pid" | "folder">;
  readonly url: string;
  readonly admin: Redis;
  connect(options?: { readonly enableAutoPipelining: boolean }): Redis;
  /** Returns the CPU time of the thread that executes commands, in ms. */
  cpu(): Promise<number>;
  /** Returns the number of bytes in use. */
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
  const infoNumber = async (section: string, name: string) =>
    Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(await admin.info(section))?.[1]);
  return {
    server,
    url: server.url,
    admin,
    connect,
    cpu: async () =>
      1000 *
      ((await infoNumber("cpu", "used_cpu_user_main_thread")) + (await infoNumber("cpu", "used_cpu_sys_main_thread"))),
    memory: () => infoNumber("memory", "used_memory"),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.disconnect();
      await server.stop();
    },
  };
}
