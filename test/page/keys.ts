import type { Page } from "playwright-core";
import { expect } from "vitest";

const MOST_STOPS = 40;

/** What has the focus, as a screen reader would name it. */
export function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const { activeElement: it } = document;
    return (it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent ?? "").trim();
  })()`);
}

/** Presses Tab until something of this name has the focus, and makes sure that one can see that it has. */
export async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  while (passed.length < MOST_STOPS) {
    await page.keyboard.press("Tab");
    const here = await focused(page);
    if (here !== name) {
      passed.push(here);
      continue;
    }
    const outline = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
    expect(outline, `the focus on ${name} can be seen`).not.toBe("none");
    return;
  }
  throw new Error(`Tab never comes to ${name}, only to: ${passed.join(" | ")}`);
}
