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
  /**
   * From now on, requests on the connections that stand are kept back, also when those end, and their replies are lost. `arrived`
   * resolves with the first request, `deliver` sends all of them to the server.
   */
  holdRequests(): { readonly arrived: Promise<void>; deliver(): void };
  /** From now on, whatever passes takes this long each way, in its order. */
  slow(delayMs: number): void;
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
  let delayMs = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const held = new Map<Socket, { readonly upstream: Socket; readonly requests: Buffer[]; arrived(): void }>();

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: Number(target.port), host: target.hostname, noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const [ask, answer] = [inOrder(upstream), inOrder(client)];
    client.on("data", (bytes) => {
      const kept = held.get(client);
      if (kept !== undefined) {
        kept.requests.push(bytes);
        kept.arrived();
      } else if (passing.requests) ask(bytes, delayMs);
    });
    upstream.on("data", (bytes) => passing.replies && !held.has(client) && answer(bytes, delayMs));
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      if (!held.has(client)) upstream.destroy();
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
    for (const { upstream } of held.values()) upstream.destroy();
    held.clear();
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
    holdRequests: () => {
      const arrived = new Promise<void>((resolve) => {
        for (const [client, upstream] of pairs) held.set(client, { upstream, requests: [], arrived: resolve });
      });
      const deliver = () => {
        for (const { upstream, requests } of held.values()) upstream.write(Buffer.concat(requests));
      };
      return { arrived, deliver };
    },
    slow: (ms) => {
      delayMs = ms;
    },
    heal: () => {
      passing = { requests: true, replies: true };
      delayMs = 0;
    },
    cut,
    shut,
    open,
    close: shut,
    [Symbol.asyncDispose]: shut,
  };
}

/** Writes to a socket after a delay that may change from call to call; the order of the bytes never does. */
function inOrder(socket: Socket): (bytes: Buffer, delayMs: number) => void {
  const waiting: { readonly bytes: Buffer; readonly due: number }[] = [];
  const write = () => {
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      const early = first.due - performance.now();
      if (early > 0) {
        setTimeout(write, early);
        return;
      }
      waiting.shift();
      if (!socket.destroyed) socket.write(first.bytes);
    }
  };
  return (bytes, delayMs) => {
    waiting.push({ bytes, due: performance.now() + delayMs });
    if (waiting.length === 1) write();
  };
}
