import { setInterval } from "node:timers/promises";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browser, usePages } from "../../../../test/page/browser.js";
import { ids, live, setBrowserClock, startPlace } from "./place.js";
import { filmIn } from "./sample.js";

const MINUTE = 60_000;

/** Counts the calls of the page by name. */
function countCalls(page: Page): Map<string, number> {
  const calls = new Map<string, number>();
  page.on("request", (request) => {
    const name = new URL(request.url()).searchParams.get("call");
    if (name !== null) calls.set(name, (calls.get(name) ?? 0) + 1);
  });
  return calls;
}

/** Hides the tab, or shows it again, as far as the page can see. */
async function setVisibility(page: Page, state: "hidden" | "visible") {
  await page.evaluate(`
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

describe.skipIf(browser.missing)(browser.title("the live page of the dashboard"), () => {
  const { open } = usePages();

  /** Opens the list of a store without jobs. The test lets time pass in the page. */
  const openWithClock = async (url: string) => {
    const page = await open(`${url}#/films/jobs`);
    await page.clock.install();
    await page.reload();
    await live(page);
    await page.getByText("This store has no jobs yet.").waitFor();
    return page;
  };

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

  test("the mark of a final status shows how its newest job ended, as soon as a job is in it", async () => {
    const { url, store } = await startPlace();
    const page = await open(url);
    await live(page);
    const titleOf = (name: string) =>
      page.getByRole("link", { name, exact: true }).locator(".status").getAttribute("title");
    expect(await titleOf("failed")).toBe("Final status");
    await store.createMany([
      { data: { title: "One" }, id: "film-1" },
      { data: { title: "Two" }, id: "film-2" },
    ]);
    await store.updateStatus("film-1", "failed", { error: { message: "The provider is closed." } });
    await store.updateStatus("film-2", "downloading");
    await store.updateStatus("film-2", "completed", { result: { file: "film-2.srt" } });
    await expect.poll(() => titleOf("failed")).toBe("Final status. Its newest job has an error");
    await expect.poll(() => titleOf("completed")).toBe("Final status. Its newest job has a result");
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

  test("a hidden tab disconnects and makes no call, and shows the changes when it is visible again", async () => {
    const { url, store } = await startPlace();
    const page = await openWithClock(url);
    const other = await open(`${url}#/films/jobs`);
    await live(other);
    const disconnected = page.waitForEvent("requestfailed", (request) => request.url().endsWith("?call=watch"));
    await setVisibility(page, "hidden");
    await disconnected;
    const calls = countCalls(page);
    for (const id of ["film-1", "film-2", "film-3"]) {
      await store.create({ title: "One" }, { id });
      await other.getByRole("link", { name: id }).waitFor();
    }
    for (const view of ["overview", "job/film-1", "workers", "outbox", "health", "jobs"]) {
      await page.evaluate(`location.hash = "#/films/${view}"`);
      await page.clock.runFor(2 * MINUTE);
    }
    expect(Object.fromEntries(calls)).toEqual({});
    await setVisibility(page, "visible");
    await expect.poll(() => ids(page)).toEqual(["film-3", "film-2", "film-1"]);
    await live(page);
  });

  test("a tab that is opened in the background makes no call until it is visible", async () => {
    const { url } = await startPlace();
    const page = await open(`${url}#/films/jobs`);
    await page.clock.install();
    await page.addInitScript(
      `Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" })`,
    );
    const calls = countCalls(page);
    await page.reload();
    await page.getByText("Loading …").waitFor();
    await page.clock.runFor(2 * MINUTE);
    expect(Object.fromEntries(calls)).toEqual({});
    await setVisibility(page, "visible");
    await live(page);
  });

  test("a list is loaded once per second while lines of the watch arrive faster", async () => {
    const { url, store } = await startPlace();
    const page = await openWithClock(url);
    await page.clock.pauseAt(Date.now() + MINUTE / 3);
    const calls = countCalls(page);
    for (let count = 1; count <= 10; count++) {
      await store.create({ title: "One" });
      await page.getByRole("link", { name: `pending ${count}`, exact: true }).waitFor();
      await page.clock.runFor(100);
    }
    // The first one can follow a line at once.
    expect(calls.get("jobs")).toBeLessThanOrEqual(2);
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
    // 1,000 changes per second, or fewer on a busy machine.
    let created = 0;
    for await (const count of setInterval(20, 20)) {
      await store.createMany(Array.from({ length: count }, () => ({ data: { title: "One" } })));
      created += count;
      if (created === 5000) break;
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
      const page = await open(`${url}#/films/jobs`, { timezoneId: "Asia/Kolkata" });
      await setBrowserClock(page, hours);
      await page.reload();
      await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
      await expect.poll(() => page.getByRole("row", { name: /film-1/ }).textContent()).toMatch(/completed ?30 min/);
      expect(await page.getByRole("row", { name: /film-2/ }).textContent()).toMatch(/downloading ?\d+ s/);
      expect(await page.locator("tbody time").first().getAttribute("title")).toMatch(
        /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+05:30$/,
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
