import type { Cluster, Redis } from "ioredis";

/** Calls back with each connection of a client before it is opened: a cluster has one for each node. */
export function eachConnection(client: Redis | Cluster, listener: (connection: Redis) => void): void {
  if ("nodes" in client) client.on("+node", listener);
  else listener(client);
}

/**
 * Sets the name of a connection each time it is opened. With its own `connectionName`, ioredis 5 stays disconnected if the
 * connection breaks before the server has replied. If the user may not set a name, the connection has none.
 */
export function giveName(connection: Redis, name: string): void {
  connection.on("ready", () => void connection.client("SETNAME", name).catch(() => {}));
}

/** Number of successive checks without a new byte after which a connection counts as silent. */
const CHECKS = 4;

/**
 * Closes a connection on which nothing arrives for `ms` milliseconds although replies are due. ioredis then reconnects. Its
 * own `socketTimeout` also closes a healthy connection after the event loop was busy, because its single timer runs before the
 * event loop reads. Here the event loop reads between two checks.
 */
export function breakSilence(connection: Redis, ms: number): void {
  connection.on("connect", () => {
    const { stream } = connection;
    let read = 0;
    let silent = 0;
    const timer = setInterval(() => {
      const waits = connection.commandQueue.length > 0 && stream.bytesRead === read;
      read = stream.bytesRead;
      silent = waits ? silent + 1 : 0;
      if (silent === CHECKS) stream.destroy(new Error("it does not answer"));
    }, ms / CHECKS).unref();
    stream.once("close", () => clearInterval(timer));
  });
}
