import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { TestProject } from "vitest/node";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { findBinary } from "./binaries.js";
import { installPackages, mayInstall } from "./install.js";
import type {} from "./provided.js";

/** Browser that all tests of the page share. */
interface AvailableBrowser {
  /** Address at which Playwright connects to the browser. */
  readonly url: string;
  /** Source of the program, for example "CHROMIUM_PATH". */
  readonly from: string;
  stop(): Promise<void>;
}

interface MissingBrowser {
  readonly url: null;
  /** Reason why there is no browser. */
  readonly reason: string;
}

/** Arguments of the browser. It sends no requests of its own. Its sandbox does not work for root, the user of many containers. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-dev-shm-usage",
];

/** Starts the browser, and stops it after all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browser = await provideChromium();
  const reason = browser.url === null ? browser.reason : null;
  project.provide("chromium", { url: browser.url, reason });

  // `npm test` reads this file for its summary.
  const folder = process.env.TEST_REPORT_FOLDER;
  const report = browser.url === null ? { missing: browser.reason } : { from: browser.from };
  if (folder)
    await writeFile(join(folder, "browser.json"), JSON.stringify({ chromium: { ...report, startable: true } }));

  return async () => {
    if (browser.url !== null) await browser.stop();
  };
}

/**
 * Starts a headless Chromium from the first available source: the path in `CHROMIUM_PATH`; the PATH; on Debian, as root, the
 * PATH after the installation.
 */
async function provideChromium(): Promise<AvailableBrowser | MissingBrowser> {
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
    throw new Error(`the installation failed: ${error instanceof Error ? error.message : error}`);
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
