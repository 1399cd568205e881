import { chromium } from "playwright-core";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { findBinary } from "./binaries.js";
import { installPackages, mayInstall } from "./install.js";

/** A browser that tests share. */
export interface AvailableBrowser {
  /** Where Playwright connects to it. */
  readonly url: string;
  /** Where the program comes from, in a word or two. */
  readonly from: string;
  stop(): Promise<void>;
}

/** Why there is no browser for this test run. */
export interface MissingBrowser {
  readonly url: null;
  readonly reason: string;
}

/** It talks to the pages under test, and to nobody else. Its sandbox does not work as root, which containers often are. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-dev-shm-usage",
];

/**
 * Starts a headless Chromium, from the first of these that there is: the path in `CHROMIUM_PATH`; the machine's own; on
 * Debian, if we are root, the same after installing it.
 */
export async function provideChromium(): Promise<AvailableBrowser | MissingBrowser> {
  try {
    const found = findChromium() ?? (mayInstall() ? await installChromium() : null);
    if (found === null) return { url: null, reason: "no CHROMIUM_PATH, no chromium on the PATH" };
    return await launch(found);
  } catch (error) {
    return { url: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

interface FoundProgram {
  readonly path: string;
  readonly from: string;
}

function findChromium(): FoundProgram | null {
  const given = process.env.CHROMIUM_PATH;
  if (given) return { path: given, from: "CHROMIUM_PATH" };
  const path = ["chromium", "chromium-browser", "google-chrome"].map(findBinary).find((found) => found !== null);
  return path ? { path, from: "chromium of this machine" } : null;
}

async function installChromium(): Promise<FoundProgram | null> {
  try {
    await installPackages(["chromium", "fonts-liberation"]);
  } catch (error) {
    throw new Error(`installing it failed: ${error instanceof Error ? error.message : error}`);
  }
  return findChromium();
}

async function launch({ path, from }: FoundProgram): Promise<AvailableBrowser> {
  const server = await chromium.launchServer({ executablePath: path, args: flags, host: "127.0.0.1" });
  const group = server.process().pid;
  if (group !== undefined) cleanUpLater({ group });
  return {
    url: server.wsEndpoint(),
    from,
    async stop() {
      await server.close();
      if (group !== undefined) forget({ group });
    },
  };
}
