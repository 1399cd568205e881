import type { PrivateServer } from "../../../test/servers/private-server.js";
import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { Trouble } from "./contest.js";

/** What is done to a server and to the line that leads there: for everybody the same. */
export function troubles(server: PrivateServer, line: TcpProxy): readonly Trouble[] {
  return [
    {
      name: "kill -9, back after 1 s",
      forMs: 1_000,
      async begin() {
        await server.kill();
        return () => server.restart();
      },
    },
    {
      name: "stopped for 3 s",
      forMs: 3_000,
      async begin() {
        await server.kill("SIGSTOP");
        return () => server.kill("SIGCONT");
      },
    },
    {
      name: "replies lost for 0.5 s, then cut",
      forMs: 500,
      async begin() {
        line.swallowReplies();
        return async () => {
          line.cut();
          line.heal();
        };
      },
    },
  ];
}
