import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { runInTest } from "../processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

// A team copies the folder of the examples and installs it with npm and the published packages.
test("a copy of the examples installs with npm, passes its checks and runs the demo", {
  timeout: 1_200_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-copy-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const packs = join(folder, "packs");
  const copy = join(folder, "service");
  await cp(join(root, "examples"), copy, { recursive: true, filter: (path) => !path.endsWith("node_modules") });
  // PATH with a Node on which pnpm runs. It does not run on the oldest Node.
  const tools = { ...process.env, PATH: process.env.TOOLS_PATH ?? process.env.PATH };
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", packs];
  await runInTest("pnpm", packing, { cwd: root, env: tools });
  const tarballs = (await readdir(packs)).map((file) => join(packs, file));
  expect(tarballs).toHaveLength(2);

  // Removes the settings of npm and pnpm that belong to the checkout, except the paths of the user's settings.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_(?!config_(global|user)config$)/i.test(name)),
  );
  const npm = (...args: readonly string[]) =>
    runInTest("npm", args, { cwd: copy, env: { ...env, REDIS_URL: "", RABBITMQ_URL: "" } });
  await npm("install", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs);
  await npm("run", "check");
  expect(await npm("run", "demo")).toContain("All ended as they should");
});
