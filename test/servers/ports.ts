import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Range of the ports. It is below the range that systems use for outgoing connections (Linux: from 32768, others: from 49152).
 * Otherwise, a client that reconnects to a stopped server could get the port of the server, or connect to itself.
 */
const PORTS = { min: 15_000, max: 32_000 };

/** Returns ports of the loopback address on which no program listens. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = PORTS.min + Math.floor(Math.random() * (PORTS.max - PORTS.min));
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
