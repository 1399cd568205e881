import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Maximum number of Tab presses until an element has the focus. */
const MAX_TABS = 40;

/** Returns the name of the element that has the focus, as screen readers announce it. */
export function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const { activeElement: element } = document;
    return (element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent ?? "").trim();
  })()`);
}

/** Presses Tab until the element of a name has the focus. Checks that the focus is visible. */
export async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  while (passed.length < MAX_TABS) {
    await page.keyboard.press("Tab");
    const current = await focused(page);
    if (current !== name) {
      passed.push(current);
      continue;
    }
    const outline = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
    expect(outline, `the focus on ${name} is visible`).not.toBe("none");
    return;
  }
  throw new Error(`Tab does not reach "${name}". It reached: ${passed.join(" | ")}`);
}
