import { execFile } from "node:child_process";
import { access, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { canStart, findBinary, type ServerName } from "./binaries.js";

const run = promisify(execFile);
const policyFile = "/usr/sbin/policy-rc.d";

/** Returns true if this process can install packages: as root on Debian or Ubuntu. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && findBinary("apt-get") !== null && findBinary("dpkg") !== null;
}

/**
 * Installs the Debian packages of the servers that are missing. No service runs afterwards, and none starts with the machine: a
 * policy prevents that the packages start their services on the standard ports, which other programs may use.
 */
export async function installServers(names: readonly ServerName[]): Promise<void> {
  const packages = names.filter((name) => !canStart(name)).map((name) => `${name}-server`);
  if (packages.length === 0) return;
  const addedPolicy = await forbidServices(packages);
  try {
    await installPackages(packages);
    if (await exists("/run/systemd/system")) await run("systemctl", ["disable", ...packages], options());
  } finally {
    if (addedPolicy) {
      await rm(policyFile, { force: true });
      forget({ path: policyFile });
    }
  }
}

/** Installs Debian packages of the distribution. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  await run("apt-get", ["-q", "update"], options());
  const wait = ["-o", "DPkg::Lock::Timeout=120"];
  await run("apt-get", ["-q", "-y", "--no-install-recommends", ...wait, "install", ...packages], options());
}

function options() {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return { env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };
}

/**
 * Adds a policy that forbids services to start. An existing policy is not changed.
 *
 * @returns true if the policy was added and has to be removed
 * @throws an error if an existing policy allows one of the services to start
 */
async function forbidServices(services: readonly string[]): Promise<boolean> {
  if (!(await exists(policyFile))) {
    cleanUpLater({ path: policyFile });
    await writeFile(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
    return true;
  }
  for (const service of services) {
    const status = await run(policyFile, [service, "start"]).then(
      () => 0,
      (error: { code?: unknown }) => error.code,
    );
    if (status !== 101) throw new Error(`${policyFile} allows ${service} to start. Install the package yourself.`);
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
