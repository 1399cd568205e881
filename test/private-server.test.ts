import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "./servers/ports.js";
import { startPrivateServer } from "./servers/private-server.js";

test("the start waits for a server that closes connections while it boots", async () => {
  const [port = 0] = await freePorts(1);
  const program = `
    let connections = 0;
    require("node:net").createServer((socket) => {
      connections += 1;
      if (connections < 3) socket.end();
      else socket.end(String(connections));
    }).listen(${port}, "127.0.0.1");`;
  const server = await startPrivateServer("booting", async () => ({
    command: process.execPath,
    args: ["--eval", program],
    url: `tcp://127.0.0.1:${port}`,
    port,
    greeting: "Are you there?",
    isReady: (answer) => answer.toString() === "3",
    readyWithinMs: 60_000,
  }));
  onTestFinished(() => server.stop());
  expect(server.port).toBe(port);
});
