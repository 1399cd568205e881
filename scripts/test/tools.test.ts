import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

test("the npm of a fetched Node has the global settings of the user's npm", async () => {
  const folder = await mkdtemp(join(tmpdir(), "npm-settings-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [own, fetched] = [join(folder, "own"), join(folder, "fetched")];
  await mkdir(join(own, "etc"), { recursive: true });
  await writeFile(join(own, "etc", "npmrc"), "cafile=/etc/our-company.pem\n");

  // npm derives the path of its global settings from PREFIX if it is set, and from the path of Node otherwise.
  const script = `
    const { run } = await import(${JSON.stringify(new URL("../dev/run.mjs", import.meta.url).href)});
    const { keepNpmSettings } = await import(${JSON.stringify(new URL("../dev/tools.mjs", import.meta.url).href)});
    process.env.PREFIX = ${JSON.stringify(own)};
    await keepNpmSettings();
    process.env.PREFIX = ${JSON.stringify(fetched)};
    await run("npm", ["config", "get", "cafile"]);`;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { env });
  expect(stdout.trim()).toBe("/etc/our-company.pem");
});
