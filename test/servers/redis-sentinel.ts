import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findRedis } from "./binaries.js";
import { freePorts } from "./ports.js";
import { type PrivateServer, startPrivateServer } from "./private-server.js";

/**
 * Starts a private sentinel that monitors `master`, and starts a failover when it was unreachable for `downAfterMs`. It promotes no replica that
 * had lost its master for ten times as long before that.
 */
export async function startSentinel(
  master: Pick<PrivateServer, "port">,
  name: string,
  downAfterMs = 500,
): Promise<PrivateServer> {
  const command = findRedis();
  if (command === null) throw new Error("redis-server is not installed on this machine");
  return startPrivateServer("sentinel", async (folder) => {
    const [port = 0] = await freePorts(1);
    const file = join(folder, "sentinel.conf");
    await writeFile(
      file,
      [
        ...["bind 127.0.0.1", `port ${port}`, `dir ${folder}`],
        `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
        `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
        `sentinel failover-timeout ${name} 3000`,
        "",
      ].join("\n"),
    );
    return {
      command,
      args: [file, "--sentinel"],
      url: `redis://127.0.0.1:${port}`,
      port,
      greeting: "PING\r\n",
      isReady: (reply) => reply.toString().startsWith("+PONG"),
      readyWithinMs: 60_000,
    };
  });
}
