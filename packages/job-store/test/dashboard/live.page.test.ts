import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browser, usePages } from "../../../../test/page/browser.js";
import { startRedis } from "../../../../test/servers/redis.js";
import { privateServer } from "../../../../test/servers/require.js";
import { redisDriver } from "../../src/redis.js";
import { startPlace } from "./place.js";
import { filmIn } from "./sample.js";

const HOUR = 3_600_000;

/** Counts the calls of the page by name. */
function countCalls(page: Page): Map<string, number> {
  const calls = new Map<string, number>();
  page.on("request", (request) => {
    const name = new URL(request.url()).searchParams.get("call");
    if (name !== null) calls.set(name, (calls.get(name) ?? 0) + 1);
  });
  return calls;
}

const live = (page: Page) => page.getByText("Live", { exact: true }).waitFor();
const ids = (page: Page) => page.locator("tbody th a").allTextContents();

/** Hides the tab, or shows it again, as far as the page can see. */
async function setVisibility(page: Page, state: "hidden" | "visible") {
  await page.evaluate(`
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

describe.skipIf(browser.missing)(browser.title("the live page of the dashboard"), () => {
  const { open } = usePages();

  test("counts, lists and an open job follow the changes of the store", async () => {
    const { url, store } = await startPlace();
    await store.create({ title: "One" }, { id: "film-1" });
    const page = await open(`${url}#/films/jobs`);
    await live(page);
    await expect.poll(() => ids(page)).toEqual(["film-1"]);
    await store.create({ title: "Two" }, { id: "film-2" });
    await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
    await page.getByRole("link", { name: "pending 2" }).waitFor();
    await page.getByRole("link", { name: "film-1" }).click();
    await page.getByRole("heading", { name: "film-1" }).waitFor();
    await store.updateStatus("film-1", "downloading", { note: "Asked the provider." });
    await page.getByText("Asked the provider.").waitFor();
    await store.delete("film-1");
    await page.getByText("This job does not exist.").waitFor();
  });

  test("changes during a lost connection are shown after it", async () => {
    const place = await startPlace();
    await place.store.create({ title: "One" }, { id: "film-1" });
    const page = await open(`${place.url}#/films/job/film-1`);
    await live(page);
    await place.stopServer();
    await page.getByText(/^Not live since/).waitFor();
    await place.store.updateStatus("film-1", "failed", { error: { message: "The provider is closed." } });
    await place.startServer();
    await page.getByText("The provider is closed.").waitFor();
    await live(page);
  });

  test("a hidden tab makes no call, and shows the changes when it is visible again", async () => {
    const { url, store } = await startPlace();
    const page = await open(`${url}#/films/jobs`);
    await live(page);
    await page.getByText("This store has no jobs yet.").waitFor();
    const other = await open(`${url}#/films/jobs`);
    await live(other);
    await setVisibility(page, "hidden");
    const calls = countCalls(page);
    for (const id of ["film-1", "film-2", "film-3"]) {
      await store.create({ title: "One" }, { id });
      await other.getByRole("link", { name: id }).waitFor();
    }
    expect(Object.fromEntries(calls)).toEqual({});
    await setVisibility(page, "visible");
    await expect.poll(() => ids(page)).toEqual(["film-3", "film-2", "film-1"]);
    await live(page);
  });

  test("a burst of changes causes few calls and few redraws", async () => {
    const { url, store } = await startPlace();
    const page = await open(`${url}#/films/jobs`);
    await live(page);
    await page.evaluate(`
      globalThis.redraws = 0;
      new MutationObserver(() => { redraws += 1; }).observe(document.body, { subtree: true, childList: true, characterData: true });
    `);
    const calls = countCalls(page);
    const start = Date.now();
    for (let round = 0; round < 5; round++) {
      await store.createMany(Array.from({ length: 1000 }, (_, n) => ({ data: { title: `Film ${round}/${n}` } })));
    }
    await page.getByText("of 5,000 jobs").waitFor();
    const seconds = (Date.now() - start) / 1000;
    expect(calls.get("jobs") ?? 0).toBeLessThanOrEqual(seconds + 2);
    // Once per call, once per second for the ages, and twice per second for the counts.
    expect(await page.evaluate<number>("redraws")).toBeLessThanOrEqual(6 * (seconds + 2));
  });

  test.each([-1, 1])(
    "a browser whose clock is wrong by %i hour shows the same times, durations and lists",
    async (hours) => {
      const { url, store } = await startPlace();
      await filmIn(store, "film-1", "completed", 30, { title: "One" });
      await filmIn(store, "film-2", "downloading", 0, { title: "Two" });
      const page = await open(`${url}#/films/jobs`);
      await page.addInitScript(`{
      const Right = Date;
      const now = () => Right.now() + ${hours * HOUR};
      globalThis.Date = class extends Right {
        constructor(...given) { super(...(given.length === 0 ? [now()] : given)); }
        static now() { return now(); }
      };
    }`);
      await page.reload();
      await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
      await expect.poll(() => page.getByRole("row", { name: /film-1/ }).textContent()).toMatch(/completed ?30 min/);
      expect(await page.getByRole("row", { name: /film-2/ }).textContent()).toMatch(/downloading ?\d+ s/);
      expect(await page.locator("tbody time").first().getAttribute("title")).toMatch(
        /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/,
      );
      // The range begins with the time of the server, so the job of half an hour ago is in the last hour and not in the last 15 minutes.
      await page.getByRole("button", { name: "Time range" }).click();
      await page.getByRole("button", { name: "Last 15 min" }).click();
      await expect.poll(() => ids(page)).toEqual(["film-2"]);
      await page.getByRole("button", { name: "Last 1 hour" }).click();
      await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
      await page.getByRole("link", { name: "film-2" }).click();
      await page.getByRole("heading", { name: "Timeline" }).waitFor();
      expect(await page.getByRole("region", { name: "Timeline" }).textContent()).not.toMatch(/-\d+ (s|ms|min|h)/);
    },
  );
});

const redis = privateServer("redis");

describe.skipIf(browser.missing || !redis.available)(
  redis.title(browser.title("the dashboard of a store in Redis")),
  () => {
    const { open } = usePages();

    test("keeps the last content while Redis is down, and continues when it is available again", async () => {
      await using server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      const { url, store } = await startPlace({ driver: redisDriver({ url: server.url, timeoutMs: 1_000 }) });
      await store.create({ title: "One" }, { id: "film-1" });
      const page = await open(`${url}#/films/jobs`);
      await live(page);
      await page.getByRole("link", { name: "film-1" }).waitFor();
      await server.kill();
      await page.getByText("The content below is as of").waitFor();
      expect(await ids(page)).toEqual(["film-1"]);
      await server.restart();
      await page.getByText("The content below is as of").waitFor({ state: "detached" });
      await expect
        .poll(() =>
          store.create({ title: "Two" }, { id: "film-2" }).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
      await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
      await live(page);
    });
  },
);
