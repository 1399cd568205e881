import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { print, root, run } from "./run.mjs";

/**
 * Checks the Prometheus alert rules, and runs their tests, with promtool. If promtool is missing, prints how to get it; with CI=true,
 * unpacks it from Debian's package, or complains if that fails.
 *
 * @returns {Promise<string[]>} a complaint for each finding
 */
export async function wrongAlerts() {
  const { code } = await run("promtool", ["--version"], { show: "nothing" });
  if (code === 0) return failuresOf("promtool");
  if (process.env.CI !== "true") {
    print("Not checked: promtool is missing. Debian and Ubuntu have it in the package prometheus.");
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), "promtool-"));
  cleanUpLater({ path: folder });
  try {
    const problem = await unpackPromtool(folder);
    return problem === null ? await failuresOf(join(folder, "usr/bin/promtool")) : [problem];
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  }
}

/** @param {string} promtool path of the program */
async function failuresOf(promtool) {
  const complaints = [];
  for (const args of [
    ["check", "rules", "alerts.yaml"],
    ["test", "rules", "alerts.test.yaml"],
  ]) {
    const { code, output } = await run(promtool, args, { show: "nothing", cwd: join(root, "docs", "monitoring") });
    if (code !== 0) complaints.push(output.trim());
  }
  return complaints;
}

/**
 * Unpacks Debian's package without installing it, because its service would start.
 *
 * @param {string} folder
 * @returns {Promise<string | null>} the problem, if there is one
 */
async function unpackPromtool(folder) {
  // Only root can update the lists of packages. They may be recent enough.
  await run("apt-get", ["-q", "update"], { show: "nothing" });
  const download = await run("apt-get", ["-q", "download", "prometheus"], { show: "nothing", cwd: folder });
  const file = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  if (file === undefined) return `promtool is missing, and cannot be downloaded: ${download.output.trim()}`;
  const unpacked = await run("dpkg-deb", ["--extract", file, "."], { show: "nothing", cwd: folder });
  return unpacked.code === 0 ? null : `promtool cannot be unpacked: ${unpacked.output.trim()}`;
}
