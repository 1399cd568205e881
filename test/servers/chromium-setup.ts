import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { provideChromium } from "./chromium.js";
import type {} from "./provided.js";

/** Starts the browser that the page's tests share, and ends it afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browser = await provideChromium();
  const reason = browser.url === null ? browser.reason : null;
  project.provide("chromium", { url: browser.url, reason });

  // Lets `npm test` tell at its end what was tried and what was not.
  const folder = process.env.TEST_REPORT_FOLDER;
  const told = browser.url === null ? { missing: browser.reason } : { from: browser.from };
  if (folder) await writeFile(join(folder, "browser.json"), JSON.stringify({ chromium: { ...told, startable: true } }));

  return async () => {
    if (browser.url !== null) await browser.stop();
  };
}
