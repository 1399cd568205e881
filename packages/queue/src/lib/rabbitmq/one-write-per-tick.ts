import type { Duplex } from "node:stream";

/** Number of bytes that a socket accepts before its writers must wait: a batch of a relay. */
const MAX_WAITING_BYTES = 262_144;

/**
 * Makes a socket send everything that is written in one tick of the event loop with one system call. amqplib writes each frame by
 * itself, and a message has two or three frames. It pauses after each 16 KB, the limit of a socket, so this limit is raised.
 */
export function writeOncePerTick(socket: Duplex): void {
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
    return Reflect.apply(write, socket, args) || socket.writableLength < MAX_WAITING_BYTES;
  };
  Object.assign(socket, { write: corkAndWrite });
}
