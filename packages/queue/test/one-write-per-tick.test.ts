import { once } from "node:events";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { writeOncePerTick } from "../src/lib/rabbitmq/one-write-per-tick.js";

/** Socket that records the text of each system call. */
class RecordingSocket extends Duplex {
  readonly calls: string[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.calls.push(chunk.toString());
    done();
  }
  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => chunk.toString()).join(""));
    done();
  }
}

test("everything written in one tick of the event loop is sent at its end with one call, in order", async () => {
  const socket = new RecordingSocket();
  writeOncePerTick(socket);
  for (const text of ["a", "b", "c"]) socket.write(text);
  expect(socket.calls).toEqual([]);
  await setImmediate();
  expect(socket.calls).toEqual(["abc"]);
  socket.write("d");
  await setImmediate();
  socket.write("e");
  socket.write("f");
  socket.end();
  await setImmediate();
  expect(socket.calls).toEqual(["abc", "d", "ef"]);
});

test("a writer must wait only after 256 KiB, and then until they are sent", async () => {
  const socket = new RecordingSocket();
  writeOncePerTick(socket);
  const accepted = Array.from({ length: 5 }, () => socket.write("x".repeat(65_536)));
  expect(accepted).toEqual([true, true, true, false, false]);
  await once(socket, "drain");
  expect(socket.calls).toEqual(["x".repeat(5 * 65_536)]);
});
