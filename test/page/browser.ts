import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, onTestFinished } from "vitest";
import { titleFor } from "../servers/require.js";

const { url: address, reason } = inject("chromium");

/** Whether there is a browser; and how a suite is called, with the reason if there is none. In CI that is an error. */
export const browser = { missing: address === null, title: titleFor("chromium", reason) };

export interface PageOptions {
  readonly colorScheme?: "light" | "dark";
  /** In CSS pixels. @default { width: 1080, height: 760 } */
  readonly viewport?: { readonly width: number; readonly height: number };
}

export const desk = { width: 1080, height: 760 };
export const phone = { width: 360, height: 720 };

/** For a suite: pages of the shared browser, each in a context of its own. */
export function usePages() {
  let shared: Browser;
  beforeAll(async () => {
    if (address !== null) shared = await chromium.connect(address);
  });
  afterAll(async () => {
    await shared?.close();
  });

  /** Opens an address. The test fails if the page throws, logs an error, or asks anyone but its own server. */
  async function open(url: string, { colorScheme = "light", viewport = desk }: PageOptions = {}): Promise<Page> {
    const context = await shared.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
    const complaints = collectComplaints(context, new URL(url).origin);
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.setDefaultNavigationTimeout(60_000);
    await page.goto(url);
    return page;
  }
  return { open };
}

function collectComplaints(context: BrowserContext, origin: string): string[] {
  const complaints: string[] = [];
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("console", (message) => {
    // Chromium logs every refused request; what the page makes of those is what the tests are about.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  context.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== "blob:") complaints.push(`asked ${asked.origin}`);
  });
  return complaints;
}
