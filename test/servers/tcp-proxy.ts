import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server, to lose what they say. Bytes it passes on keep their order. */
export interface TcpProxy extends AsyncDisposable {
  /** The server's address with this proxy's host and port. */
  readonly url: string;
  readonly port: number;
  /** From now on, what the server answers is lost; the client's words still arrive. */
  swallowReplies(): void;
  /** From now on, nothing passes either way, and no connection breaks: a line that died without a word. */
  freeze(): void;
  /** Everything passes again, on connections made from now on and on those that stand. */
  heal(): void;
  /** Breaks every connection that stands. New ones are accepted. */
  cut(): void;
  /** Breaks every connection that stands, and refuses new ones. */
  shut(): Promise<void>;
  /** Accepts connections again after `shut`, on the same port. */
  open(): Promise<void>;
  /** As `shut`, for good. */
  close(): Promise<void>;
}

/** Starts a proxy to the server at `url`, which names its port. */
export async function startTcpProxy({ url }: { readonly url: string }): Promise<TcpProxy> {
  const target = new URL(url);
  const here = Object.assign(new URL(url), { hostname: "127.0.0.1", port: "0" });
  let passing = { requests: true, replies: true };
  const pairs = new Set<readonly [Socket, Socket]>();

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: Number(target.port), host: target.hostname, noDelay: true });
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

  const open = async () => {
    server.listen(Number(here.port), "127.0.0.1");
    await once(server, "listening");
    here.port = String((server.address() as AddressInfo).port);
  };
  const cut = () => {
    for (const [client] of pairs) client.destroy();
  };
  const shut = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };

  await open();
  return {
    url: here.href,
    port: Number(here.port),
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
    shut,
    open,
    close: shut,
    [Symbol.asyncDispose]: shut,
  };
}
