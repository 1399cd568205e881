import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findBinary, findRabbitmq } from "./servers/binaries.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "binaries-"));
  vi.stubEnv("PATH", folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("finds a program on the PATH, the first of several", async () => {
  const second = join(folder, "second");
  await mkdir(second);
  const program = await executable(folder, "some-server");
  await executable(second, "some-server");
  vi.stubEnv("PATH", [folder, second].join(delimiter));
  expect(findBinary("some-server")).toBe(program);
});

test("does not take what is no program", async () => {
  await writeFile(join(folder, "some-server"), "a text", { mode: 0o644 });
  expect(findBinary("some-server")).toBe(null);
});

test("looks behind Debian's wrapper of RabbitMQ, which starts it as another user only", async () => {
  const inner = join(folder, "lib");
  await mkdir(inner);
  await symlink(await executable(inner, "rabbitmq-script-wrapper"), join(folder, "rabbitmq-server"));
  const server = await executable(inner, "rabbitmq-server");
  const epmd = await executable(folder, "epmd");
  expect(findRabbitmq()).toEqual({ server, control: join(inner, "rabbitmqctl"), epmd });
});

test("uses the RabbitMQ that RABBITMQ_SERVER names, and the tools in its folder", async () => {
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
