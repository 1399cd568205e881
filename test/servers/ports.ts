import { once } from "node:events";
import { createServer } from "node:net";

// Below the range that systems hand out to outgoing connections (Linux: from 32768, others: from 49152). A server that
// is down for a moment would otherwise lose its port to a client that reconnects, or see that client connect to itself.
const lowest = 15_000;
const highest = 32_000;

/** Ports that nothing on the loopback address listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
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
