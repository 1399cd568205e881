import type { Cluster, Redis } from "ioredis";

/** A connection is silent after this many looks at it. */
const LOOKS = 4;

/**
 * Breaks every connection of the client on which nothing arrives for this long although replies are due, so that ioredis
 * makes another one. Its own `socketTimeout` also breaks a healthy connection after the event loop was busy: its one timer
 * runs before the loop reads what has arrived. Here the loop reads between one look and the next.
 */
export function breakingSilence<C extends Redis | Cluster>(client: C, ms: number): C {
  const listenTo = (connection: Redis) => connection.on("connect", () => listen(connection, ms));
  if ("nodes" in client) client.on("+node", listenTo);
  else listenTo(client);
  return client;
}

function listen(connection: Redis, ms: number): void {
  const { stream } = connection;
  let read = 0;
  let looks = 0;
  const timer = setInterval(() => {
    const waits = connection.commandQueue.length > 0 && stream.bytesRead === read;
    read = stream.bytesRead;
    looks = waits ? looks + 1 : 0;
    if (looks === LOOKS) stream.destroy(new Error("it does not answer"));
  }, ms / LOOKS).unref();
  stream.once("close", () => clearInterval(timer));
}
