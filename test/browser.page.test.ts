import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { bundleForBrowser } from "./bundle.js";
import { browser, usePages } from "./page/browser.js";

describe.skipIf(browser.missing)(browser.title("the packages in a browser"), () => {
  const { open } = usePages();

  test("job definitions, memory stores and memory brokers work", async () => {
    const { script } = await bundleForBrowser('export * from "./fixtures/browser/program.js";');
    const page = await open(await serve(script));
    expect(await page.evaluate("program.run()")).toEqual({
      statuses: ["pending", "downloading", "translating", "completed", "failed"],
      done: ["done", "Amélie 🎬", 0.5],
      reported: "stored",
      pages: [["amelie"], ["metropolis"]],
      found: ["amelie"],
      jobs: 2,
      events: ["created", "created", "progress", "status"],
      tooLarge: "INVALID_DATA",
      message: "amélie",
    });
  });
});

/** Serves a page with a script until the test ends. Returns its address. */
async function serve(script: string): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>test</title><link rel="icon" href="data:,"><script>${script}</script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
