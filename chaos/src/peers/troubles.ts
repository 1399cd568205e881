import type { PrivateServer } from "../../../test/servers/private-server.js";
import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { Trouble } from "./contest.js";

/** What is done to a server, or to the line that leads there: for everybody the same. */
export type TroubleFor = (server: PrivateServer, line: TcpProxy) => Trouble;

const killed: TroubleFor = (server) => ({
  name: "kill -9, back after 1 s",
  forMs: 1_000,
  async begin() {
    await server.kill();
    return () => server.restart();
  },
});

const stopped: TroubleFor = (server) => ({
  name: "stopped for 3 s",
  forMs: 3_000,
  async begin() {
    await server.kill("SIGSTOP");
    return () => server.kill("SIGCONT");
  },
});

const repliesLost: TroubleFor = (_, line) => ({
  name: "replies lost for 0.5 s, then cut",
  forMs: 500,
  async begin() {
    line.swallowReplies();
    return async () => {
      line.cut();
      line.heal();
    };
  },
});

export const troubles: readonly TroubleFor[] = [killed, stopped, repliesLost];
