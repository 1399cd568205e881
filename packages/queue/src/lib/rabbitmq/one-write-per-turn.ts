import type { Duplex } from "node:stream";

/**
 * Makes a socket send everything that is written in one tick of the event loop with one system call. amqplib writes each frame by
 * itself, and a message has two or three frames.
 */
export function writeOncePerTurn(socket: Duplex): void {
  const { write } = socket;
  let corked = false;
  const corkAndWrite = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    return Reflect.apply(write, socket, args);
  };
  Object.assign(socket, { write: corkAndWrite });
}
