import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { browser, usePages } from "../../../../test/page/browser.js";
import { checkState } from "../../../../test/page/checks.js";
import { createJobStore, defineJob } from "../../src/index.js";
import { memoryDriver } from "../../src/memory.js";
import { brokerWithLetters, film, startPlace } from "./place.js";
import { fillStore, workerOf } from "./sample.js";

/** Goes to a view, and waits for its heading. */
async function visit(page: Page, view: string, heading: string) {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/films/${view}`)}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

describe.skipIf(browser.missing)(
  browser.title("every state of the dashboard is accessible, and fits on a phone"),
  () => {
    const { open } = usePages();

    test("a store at work: its overview and its jobs", async () => {
      const { url, store } = await startPlace({ broker: brokerWithLetters().broker });
      await fillStore(store);
      const page = await open(url);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      await page.getByText("Live", { exact: true }).waitFor();
      await page.getByRole("row", { name: /^completed/ }).waitFor();
      await checkState(page, "dashboard-overview");

      await visit(page, "jobs", "Jobs");
      await page.getByRole("row").nth(50).waitFor();
      await checkState(page, "dashboard-jobs");
      await page.getByRole("button", { name: "Time range" }).click();
      await page.getByRole("button", { name: "Last 24 hours" }).click();
      await page.getByText("whose total is unknown").waitFor();
      await checkState(page, "dashboard-jobs-range");

      await visit(page, "jobs?status=failed&field=user&value=ada", "Jobs");
      await page.getByRole("checkbox").nth(1).check();
      await page.getByRole("checkbox").nth(2).check();
      await page.getByText("The list is held").waitFor();
      await checkState(page, "dashboard-selection");
      await page.getByRole("button", { name: "Retry …" }).click();
      await page.getByRole("radio", { name: "review" }).check();
      await page.getByLabel("Queue", { exact: true }).fill("reviews");
      await checkState(page, "dashboard-retry");
    });

    test("a store at work: one job", async () => {
      const { url, store } = await startPlace();
      const { failed, parent, waiting } = await fillStore(store);
      const page = await open(url);
      await visit(page, `job/${failed}`, failed);
      await page.getByText("NO_SUBTITLE").waitFor();
      await checkState(page, "dashboard-job");
      await page.getByRole("button", { name: "Delete …" }).click();
      await checkState(page, "dashboard-delete");
      await page.keyboard.press("Escape");
      await visit(page, `job/${waiting}`, waiting);
      await page.getByRole("heading", { name: "Why it does not move" }).waitFor();
      await checkState(page, "dashboard-job-waiting");
      await visit(page, `job/${parent}`, parent);
      await page.getByRole("heading", { name: "Jobs that name this one" }).waitFor();
      await checkState(page, "dashboard-job-parent");
      await visit(page, "job/none", "none");
      await page.getByText("This job does not exist.").waitFor();
      await checkState(page, "dashboard-job-gone");
    });

    test("a job that a worker runs is in progress, and nothing must be done", async () => {
      const driver = memoryDriver();
      const downloading = { next: ["downloading", "completed"] } as const;
      const worked = createJobStore({
        job: defineJob({ ...film, statuses: { ...film.statuses, downloading } }),
        driver,
      });
      await worked.announceWorker(workerOf("downloads", "downloader@host-2/41", "downloading"), [], 60_000);
      await worked.create({ title: "Roma" }, { id: "running" });
      await worked.claim("running", "downloading", {
        from: ["pending"],
        leaseMs: 60_000,
        key: "one",
        message: { queue: "downloads", id: "one", payload: null },
      });
      const { url } = await startPlace({ driver });
      const page = await open(`${url}#/films/job/running`);
      await page.getByRole("heading", { name: "In progress" }).waitFor();
    });

    test("a store at work: workers, outbox, queues and health", async () => {
      const { url, store } = await startPlace({ broker: brokerWithLetters().broker });
      await fillStore(store);
      const page = await open(url);

      await visit(page, "workers", "Workers");
      await page.getByText("downloader@host-2/41").waitFor();
      await checkState(page, "dashboard-workers");
      await page.getByRole("button", { name: "Pause a queue …" }).click();
      const names = page.locator("dialog datalist option");
      expect(await names.evaluateAll((all) => all.map((one) => one.getAttribute("value")))).toEqual([
        "downloads",
        "translations",
      ]);
      await checkState(page, "dashboard-pause");
      await page.keyboard.press("Escape");

      await visit(page, "outbox?kind=rejected", "Outbox");
      await page.getByText("is not among the queues").waitFor();
      await checkState(page, "dashboard-outbox");
      await visit(page, "queues", "Queues of the broker");
      await page.getByRole("row", { name: /^downloads/ }).waitFor();
      await checkState(page, "dashboard-queues");
      await visit(page, "queues/downloads", "Dead letters of downloads");
      await page.getByRole("row").nth(3).waitFor();
      await checkState(page, "dashboard-letters");
      await visit(page, "health", "Health");
      await page.getByText("sample of the last").waitFor();
      await checkState(page, "dashboard-health");
    });

    test("an empty store, and a store that is unavailable and back", async () => {
      const driver = memoryDriver();
      const { url, store } = await startPlace({ driver });
      const page = await open(url);
      await page.getByText("This store has no jobs yet.").waitFor();
      await checkState(page, "dashboard-empty");

      await store.create({ title: "One" }, { id: "film-1" });
      await page.getByRole("link", { name: "Jobs", exact: true }).click();
      await page.getByRole("link", { name: "film-1" }).waitFor();
      driver.faults.goAway();
      await page.getByText("The content below is as of").waitFor();
      expect(await page.getByRole("link", { name: "film-1" }).isVisible()).toBe(true);
      await checkState(page, "dashboard-unavailable");
      driver.faults.comeBack();
      await page.getByText("The content below is as of").waitFor({ state: "detached" });
      await store.create({ title: "Two" }, { id: "film-2" });
      await page.getByRole("link", { name: "film-2" }).waitFor();
    });

    test("records that cannot be read, and a store whose lifecycle is not recorded", async () => {
      const driver = memoryDriver();
      const writer = createJobStore({ job: film, driver });
      await writer.create({ title: "A title that another service allows" }, { id: "long" });
      await writer.create({ title: "Short" }, { id: "short" });
      await writer.close();
      const strict = defineJob({ ...film, data: film.data.extend({ title: z.string().max(5) }) });
      const { url } = await startPlace({ driver, definition: strict });
      const page = await open(`${url}#/films/jobs`);
      await page.getByText("1 record of this page cannot be read:").waitFor();
      await page.getByText("1–2 of 2 jobs").waitFor();
      await checkState(page, "dashboard-unreadable");
      await page.getByRole("link", { name: "long" }).click();
      await page.getByText("The record cannot be read.").waitFor();
      await checkState(page, "dashboard-job-unreadable");

      const unknown = await startPlace({ withoutLifecycle: true });
      await unknown.store.create({ title: "One" }, { id: "film-1" });
      const other = await open(`${unknown.url}#/films/job/film-1`);
      await other.getByText("This store has no recorded lifecycle").waitFor();
      await other.getByRole("button", { name: "Delete …" }).waitFor();
      expect(await other.getByRole("button", { name: "Move …" }).count()).toBe(0);
      await checkState(other, "dashboard-no-lifecycle");
    });

    test("a production store that is read-only, and a server that does not answer", async () => {
      const place = await startPlace({ readOnly: true, title: "Subtitles, production", color: "red" });
      await place.store.create({ title: "One" }, { id: "film-1" });
      const page = await open(`${place.url}#/films/job/film-1`);
      await page.getByRole("heading", { name: "film-1" }).waitFor();
      await page.getByText("Read-only").waitFor();
      await page.getByRole("heading", { name: "Data" }).waitFor();
      expect(await page.getByRole("button", { name: "Delete …" }).count()).toBe(0);
      await checkState(page, "dashboard-read-only");
      await place.stopServer();
      await page.getByText("The server of this page does not answer.").waitFor();
      await page.getByText(/^Not live since/).waitFor();
      await checkState(page, "dashboard-disconnected");
      await place.startServer();
      await page.getByText("The server of this page does not answer.").waitFor({ state: "detached" });
      await page.getByText("Live", { exact: true }).waitFor();
    });

    test("a dashboard with a token, and a user without access", async () => {
      const { url } = await startPlace({ token: "open sesame" });
      const page = await open(url);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.getByLabel("Token").fill("guessed");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("The server refused this token.").waitFor();
      await checkState(page, "dashboard-sign-in");
      await page.getByLabel("Token").fill("open sesame");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      await page.reload();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      expect(page.url()).not.toContain("sesame");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();

      const denied = await startPlace({ may: () => false });
      const other = await open(denied.url);
      await other.getByText("You may not see any store.").waitFor();
      await checkState(other, "dashboard-denied");
    });
  },
);
