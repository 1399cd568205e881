import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server, to lose what they say. Bytes it passes on keep their order. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, what the server answers is lost; the client's words still arrive. */
  swallowReplies(): void;
  /** From now on, nothing passes either way, and no connection breaks: a line that died without a word. */
  freeze(): void;
  /** Everything passes again, on connections made from now on and on those that stand. */
  heal(): void;
  /** Breaks every connection that stands. */
  cut(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { readonly port: number }): Promise<TcpProxy> {
  let passing = { requests: true, replies: true };
  const pairs = new Set<readonly [Socket, Socket]>();

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target.port, host: "127.0.0.1", noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on("data", (bytes) => passing.requests && upstream.write(bytes));
    upstream.on("data", (bytes) => passing.replies && client.write(bytes));
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const cut = () => {
    for (const [client] of pairs) client.destroy();
  };
  const close = async () => {
    cut();
    server.close();
    await once(server, "close");
  };
  return {
    port: (server.address() as AddressInfo).port,
    swallowReplies: () => {
      passing = { requests: true, replies: false };
    },
    freeze: () => {
      passing = { requests: false, replies: false };
    },
    heal: () => {
      passing = { requests: true, replies: true };
    },
    cut,
    close,
    [Symbol.asyncDispose]: close,
  };
}
