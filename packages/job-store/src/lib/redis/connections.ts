import type { Cluster, Redis } from "ioredis";

/** Calls back with each connection of a client, before it is made: a cluster has one to each node. */
export function eachConnection(client: Redis | Cluster, listener: (connection: Redis) => void): void {
  if ("nodes" in client) client.on("+node", listener);
  else listener(client);
}

/**
 * Names a connection each time that it is made. ioredis 5 would stay disconnected if the connection broke before the server
 * had answered to its own `connectionName`. A user who may not give a name goes without.
 */
export function giveName(connection: Redis, name: string): void {
  connection.on("ready", () => void connection.client("SETNAME", name).catch(() => {}));
}

/** A connection is silent after this many looks at it. */
const LOOKS = 4;

/**
 * Breaks a connection on which nothing arrives for this long although replies are due, so that ioredis makes another one.
 * Its own `socketTimeout` also breaks a healthy connection after the event loop was busy: its one timer runs before the loop
 * reads what has arrived. Here the loop reads between one look and the next.
 */
export function breakSilence(connection: Redis, ms: number): void {
  connection.on("connect", () => {
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
  });
}

/**
 * Breaks a connection whose SELECT the server refuses. ioredis only reports the refusal, and then sends the commands to
 * database 0.
 */
export function requireDatabase(connection: Redis): void {
  connection.on("error", (error: { readonly command?: { readonly name?: string } }) => {
    if (error.command?.name === "select") connection.stream.destroy();
  });
}
