import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a team does: copy the folder, and install it with npm alone, against the packages as they will be published. */
test("a copy of the examples installs with npm, type-checks and runs the demo", { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-copy-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const packs = join(folder, "packs");
  const copy = join(folder, "service");
  await cp(join(root, "examples"), copy, { recursive: true, filter: (path) => !path.endsWith("node_modules") });
  // pnpm does not run on the oldest Node.
  const tools = { ...process.env, PATH: process.env.TOOLS_PATH ?? process.env.PATH };
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", packs];
  await run("pnpm", packing, { cwd: root, env: tools });
  const tarballs = (await readdir(packs)).map((file) => join(packs, file));
  expect(tarballs).toHaveLength(2);

  // In the pipe of a test run npm believes that it is run by pnpm, whose settings it does not know.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs], { cwd: copy, env });
  // The manager is the one with a page, whose libraries npm puts elsewhere than pnpm does.
  await run("npm", ["run", "check", "--workspace", "manager"], { cwd: copy, env });
  const { stdout } = await run("npm", ["run", "demo"], { cwd: copy, env: { ...env, REDIS_URL: "", RABBITMQ_URL: "" } });
  expect(stdout).toContain("All ended as they should");
});
