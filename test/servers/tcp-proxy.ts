import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Proxy between a client and a server that can drop and delay their bytes. It never changes the order of the bytes. */
export interface TcpProxy extends AsyncDisposable {
  /** Address of the server with the host and port of the proxy. */
  readonly url: string;
  readonly port: number;
  /** Drops all bytes from the server. Bytes from the client still arrive. */
  swallowReplies(): void;
  /** Drops all bytes in both directions. Connections remain open, as in a network partition. */
  freeze(): void;
  /**
   * Holds back the requests of the present connections, also when these end, and drops their replies. `arrived` resolves with the first
   * request. `deliver` sends all of them to the server.
   */
  holdRequests(): { readonly arrived: Promise<void>; deliver(): void };
  /** Delays all bytes in both directions. */
  slow(delayMs: number): void;
  /** Passes all bytes again, without delay, on open and on new connections. */
  heal(): void;
  /** Closes all connections. New ones are accepted. */
  cut(): void;
  /** Closes all connections and refuses new ones. */
  shut(): Promise<void>;
  /** Accepts connections again after `shut`, on the same port. */
  open(): Promise<void>;
  /** Same as `shut`, for the end of a test. */
  close(): Promise<void>;
}

/** Starts a proxy to the server at `url`, which must contain a port. */
export async function startTcpProxy({ url }: { readonly url: string }): Promise<TcpProxy> {
  const target = new URL(url);
  const ownUrl = Object.assign(new URL(url), { hostname: "127.0.0.1", port: "0" });
  let passing = { requests: true, replies: true };
  let delayMs = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const held = new Map<Socket, { readonly upstream: Socket; readonly requests: Buffer[]; arrived(): void }>();

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: Number(target.port), host: target.hostname, noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const [sendRequest, sendReply] = [createDelayedWriter(upstream), createDelayedWriter(client)];
    client.on("data", (bytes) => {
      const kept = held.get(client);
      if (kept !== undefined) {
        kept.requests.push(bytes);
        kept.arrived();
      } else if (passing.requests) sendRequest(bytes, delayMs);
    });
    upstream.on("data", (bytes) => passing.replies && !held.has(client) && sendReply(bytes, delayMs));
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      if (!held.has(client)) upstream.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
  });

  const open = async () => {
    server.listen(Number(ownUrl.port), "127.0.0.1");
    await once(server, "listening");
    ownUrl.port = String((server.address() as AddressInfo).port);
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
    url: ownUrl.href,
    port: Number(ownUrl.port),
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

/** Returns a function that writes to a socket after a delay. The delay can differ between calls, but the bytes keep their order. */
function createDelayedWriter(socket: Socket): (bytes: Buffer, delayMs: number) => void {
  const waiting: { readonly bytes: Buffer; readonly due: number }[] = [];
  const write = () => {
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      const remaining = first.due - performance.now();
      if (remaining > 0) {
        setTimeout(write, remaining);
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
