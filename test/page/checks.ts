import { join } from "node:path";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { desktop, phone } from "./browser.js";

/** States with additional pictures in dark colors and on a phone. */
const IN_ALL_VARIANTS = new Set(["jobs", "job-completed", "dashboard-overview", "dashboard-jobs", "dashboard-job"]);

/** Folder for the pictures of the documentation. `npm run screenshots` sets it. */
const folder = process.env.SCREENSHOTS_FOLDER;
export const takesPictures = folder !== undefined;

/** Checks that a state of the page is accessible in light and dark colors, and fits on a phone. Takes its pictures. */
export async function checkState(page: Page, name: string): Promise<void> {
  expect(await accessibilityErrors(page), name).toEqual([]);
  await takePicture(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await accessibilityErrors(page, ["color-contrast"]), `${name}, dark`).toEqual([]);
  if (IN_ALL_VARIANTS.has(name)) await takePicture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(phone);
  expect(await horizontalScroll(page), `${name} at ${phone.width} px`).toBe(0);
  if (IN_ALL_VARIANTS.has(name)) await takePicture(page, `${name}-phone`);
  await page.setViewportSize(desktop);
}

/** Takes a picture of the page if `npm run screenshots` is running. */
export async function takePicture(page: Page, name: string): Promise<void> {
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}

/**
 * Returns the violations that axe finds on the page, each with its rule and its element.
 *
 * @param rules rules to check. @default all
 */
async function accessibilityErrors(page: Page, rules?: readonly string[]): Promise<string[]> {
  // The source has half a megabyte, so it is loaded only once for each page.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axe.source);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(options)})`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}

/** Returns the distance by which the page can be scrolled horizontally, in CSS pixels. */
function horizontalScroll(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}
