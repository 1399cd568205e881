import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { accessibilityFaults, sidewaysScroll } from "./accessibility.js";
import { desk, phone } from "./browser.js";

/** Shown in the documentation in the dark and on a phone as well. */
const inEveryLook = new Set(["jobs", "job-completed"]);

/** Where pictures for the documentation go, with `npm run screenshots`. */
const folder = process.env.SCREENSHOTS_FOLDER;
export const takesPictures = folder !== undefined;

/** Holds a state to what every state must be, in light and dark, and on a phone; and takes its pictures. */
export async function look(page: Page, name: string): Promise<void> {
  expect(await accessibilityFaults(page), name).toEqual([]);
  await picture(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await accessibilityFaults(page, ["color-contrast"]), `${name}, dark`).toEqual([]);
  if (inEveryLook.has(name)) await picture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(phone);
  expect(await sidewaysScroll(page), `${name} at ${phone.width} px`).toBe(0);
  if (inEveryLook.has(name)) await picture(page, `${name}-phone`);
  await page.setViewportSize(desk);
}

export async function picture(page: Page, name: string): Promise<void> {
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}
