import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, onTestFinished } from "vitest";
import { titleFor } from "../servers/require.js";

const { url: address, reason } = inject("chromium");

/** Shared browser. `title` returns the title of a suite, with the reason if the browser is missing. With CI=true, that is an error. */
export const browser = { missing: address === null, title: titleFor("chromium", reason) };

export interface PageOptions {
  /** @default "light" */
  readonly colorScheme?: "light" | "dark";
  /** Size in CSS pixels. @default desktop */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** User of the application, for Basic authentication. */
  readonly httpCredentials?: { readonly username: string; readonly password: string };
  /** Time zone of the browser, for example "Asia/Kolkata". */
  readonly timezoneId?: string;
}

export const desktop = { width: 1080, height: 760 };
export const phone = { width: 360, height: 720 };

/** Connects a suite to the shared browser. */
export function usePages() {
  let shared: Browser;
  beforeAll(async () => {
    if (address !== null) shared = await chromium.connect(address);
  });
  afterAll(async () => {
    await shared?.close();
  });

  /** Opens an address in a new context. The test fails if the page throws, logs an error, or sends a request to another server. */
  async function open(url: string, options: PageOptions = {}): Promise<Page> {
    const context = await shared.newContext({ viewport: desktop, reducedMotion: "reduce", ...options });
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
    // Chromium logs every failed request. The tests check how the page handles these.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "blob:") complaints.push(`request to ${url.origin}`);
  });
  return complaints;
}
