import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { findBinary, findRabbitmq } from "./servers/binaries.js";
import { freePorts } from "./servers/ports.js";
import { startPrivateServer } from "./servers/private-server.js";
import { titleFor } from "./servers/require.js";
import { provideServers } from "./servers/shared-servers.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("addresses in the environment have priority, and their servers are not stopped", async () => {
  vi.stubEnv("REDIS_URL", "redis://someone.example");
  vi.stubEnv("RABBITMQ_URL", "amqp://someone.example");
  const { redis, rabbitmq } = await provideServers();
  expect(redis).toMatchObject({ url: "redis://someone.example", from: "REDIS_URL" });
  expect(rabbitmq).toMatchObject({ url: "amqp://someone.example", from: "RABBITMQ_URL" });
});

describe("a suite whose server is missing", () => {
  test("has the reason in its title", () => {
    vi.stubEnv("CI", "");
    expect(titleFor("redis", null)("suite")).toBe("suite");
    expect(titleFor("redis", "no Docker\nand a long trace")("suite")).toBe("suite (skipped: no Docker)");
  });

  test("is an error with CI=true", () => {
    vi.stubEnv("CI", "true");
    expect(titleFor("redis", null)("suite")).toBe("suite");
    expect(() => titleFor("redis", "no Docker")).toThrow("no test may be skipped, but redis is missing: no Docker");
  });
});

describe("programs of servers", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "binaries-"));
    vi.stubEnv("PATH", folder);
  });

  afterEach(() => rm(folder, { recursive: true }));

  test("the first program of a name on the PATH is found", async () => {
    const second = join(folder, "second");
    await mkdir(second);
    const program = await executable(folder, "some-server");
    await executable(second, "some-server");
    vi.stubEnv("PATH", [folder, second].join(delimiter));
    expect(findBinary("some-server")).toBe(program);
  });

  test("a file that is not executable is not a program", async () => {
    await writeFile(join(folder, "some-server"), "a text", { mode: 0o644 });
    expect(findBinary("some-server")).toBe(null);
  });

  test("the script of RabbitMQ is used instead of Debian's wrapper, which runs it as another user", async () => {
    const inner = join(folder, "lib");
    await mkdir(inner);
    await symlink(await executable(inner, "rabbitmq-script-wrapper"), join(folder, "rabbitmq-server"));
    const server = await executable(inner, "rabbitmq-server");
    const epmd = await executable(folder, "epmd");
    expect(findRabbitmq()).toEqual({ server, control: join(inner, "rabbitmqctl"), epmd });
  });

  test("RABBITMQ_SERVER selects the program, and the tools in its folder", async () => {
    const other = join(folder, "rabbitmq-4");
    await mkdir(other);
    await executable(folder, "rabbitmq-server");
    await executable(folder, "epmd");
    const server = await executable(other, "rabbitmq-server");
    const epmd = await executable(other, "epmd");
    vi.stubEnv("RABBITMQ_SERVER", server);
    expect(findRabbitmq()).toEqual({ server, control: join(other, "rabbitmqctl"), epmd });
  });

  async function executable(inFolder: string, name: string): Promise<string> {
    const path = join(inFolder, name);
    await writeFile(path, "#!/bin/sh\n", { mode: 0o755 });
    return path;
  }
});

test("a private server that closes connections during its start is still waited for", async () => {
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
    isReady: (reply) => reply.toString() === "3",
    readyWithinMs: 60_000,
  }));
  onTestFinished(() => server.stop());
  expect(server.port).toBe(port);
});
