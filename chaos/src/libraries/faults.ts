import type { PrivateServer } from "../../../test/servers/private-server.js";
import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { TimedFault } from "./measure-library.js";

/** Creates a fault of a server or of its proxy. */
export type FaultOf = (server: PrivateServer, proxy: TcpProxy) => TimedFault;

const killed: FaultOf = (server) => ({
  name: "kill -9, back after 1 s",
  forMs: 1_000,
  async begin() {
    await server.kill();
    return () => server.restart();
  },
});

const stopped: FaultOf = (server) => ({
  name: "stopped for 3 s",
  forMs: 3_000,
  async begin() {
    await server.kill("SIGSTOP");
    return () => server.kill("SIGCONT");
  },
});

const repliesLost: FaultOf = (_, proxy) => ({
  name: "replies lost for 0.5 s, then cut",
  forMs: 500,
  async begin() {
    proxy.swallowReplies();
    return async () => {
      proxy.cut();
      proxy.heal();
    };
  },
});

export const faults: readonly FaultOf[] = [killed, stopped, repliesLost];
