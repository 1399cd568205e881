import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { films } from "./films.js";
import { startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("what happens shows at once"), () => {
  const { open } = usePages();

  test("progress, new jobs and counts, over one connection for all that the page shows", async () => {
    const service = await startService();
    const film = films(service);
    const job = await film.translating({ videoTitle: "Harbour Lights" }, 10, 100);
    const page = await open(service.url);
    let connections = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/api/v1/events")) connections += 1;
    });
    await page.reload();
    await page.getByText("10 of 100 cues").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();

    await service.store.updateProgress(job, { stage: "translating", done: 55, total: 100 });
    await page.getByText("55 of 100 cues").waitFor();
    await film.pending({ videoTitle: "Night Train" });
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain("Night Train");
    await page.getByRole("link", { name: "Pending 1" }).waitFor();

    await page.getByRole("link", { name: "Harbour Lights" }).click();
    await service.store.updateProgress(job, { stage: "translating", done: 90, total: 100 });
    await page.getByText("90 of 100 cues").waitFor();
    expect(connections).toBe(1);
  });

  test("what happens while a job is being fetched is not lost to the older answer", async () => {
    const service = await startService();
    const job = await films(service).translating({ videoTitle: "Harbour Lights" }, 10, 100);
    const page = await open(service.url);
    await page.getByText("Live", { exact: true }).waitFor();
    let release = () => {};
    const answered = new Promise<void>((resolve) => {
      void page.route(`**/api/v1/jobs/${job.id}`, async (route) => {
        const answer = await route.fetch();
        resolve();
        await new Promise<void>((go) => {
          release = go;
        });
        await route.fulfill({ response: answer });
      });
    });
    await page.getByRole("link", { name: "Harbour Lights" }).click();
    await answered;
    await service.store.updateProgress(job, { stage: "translating", done: 90, total: 100 });
    // Another page hears of it in the same moment.
    await (await open(service.url)).getByText("90 of 100 cues").waitFor();
    release();
    await page.getByText("90 of 100 cues").waitFor();
  });

  test("after the manager was away, the page says so, comes back by itself, and shows what it missed", async () => {
    const service = await startService();
    const job = await films(service).translating({ videoTitle: "Harbour Lights" });
    const page = await open(service.url);
    await page.getByText("Live", { exact: true }).waitFor();

    await service.stopManager();
    await page.getByText("The service does not answer.").waitFor();
    await page.getByText("Not live").waitFor();
    await page.getByText("312 of 640 cues").waitFor();
    await service.store.updateStatus(job, "failed", { error: { message: "The memory is damaged." } });

    await service.startManager();
    await page.getByText("The memory is damaged.").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByText("The service does not answer.").waitFor({ state: "detached" });
  });

  test("a job that is forgotten while one looks at it is told to be gone", async () => {
    const service = await startService();
    const { id } = await films(service).failed({ videoTitle: "A Film Nobody Subtitled" });
    const page = await open(`${service.url}/jobs/${id}`);
    await page.getByRole("heading", { name: "A Film Nobody Subtitled" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await service.store.delete(id);
    await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  });
});
