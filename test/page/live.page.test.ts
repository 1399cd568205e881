import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { sampleJobs } from "./sample-jobs.js";
import { startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("live updates"), () => {
  const { open } = usePages();

  test("progress, new jobs and counts are received over one connection", async () => {
    const service = await startService();
    const jobs = sampleJobs(service);
    const job = await jobs.translating({ videoTitle: "Harbour Lights" }, 10, 100);
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
    await jobs.pending({ videoTitle: "Night Train" });
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain("Night Train");
    await page.getByRole("link", { name: "Pending 1" }).waitFor();

    await page.getByRole("link", { name: "Harbour Lights" }).click();
    await service.store.updateProgress(job, { stage: "translating", done: 90, total: 100 });
    await page.getByText("90 of 100 cues").waitFor();
    expect(connections).toBe(1);
  });

  test("a change during the request for a job is not overwritten by the older reply", async () => {
    const service = await startService();
    const job = await sampleJobs(service).translating({ videoTitle: "Harbour Lights" }, 10, 100);
    const page = await open(service.url);
    await page.getByText("Live", { exact: true }).waitFor();
    let release = () => {};
    const replied = new Promise<void>((resolve) => {
      void page.route(`**/api/v1/jobs/${job.id}`, async (route) => {
        const reply = await route.fetch();
        resolve();
        await new Promise<void>((resume) => {
          release = resume;
        });
        await route.fulfill({ response: reply });
      });
    });
    await page.getByRole("link", { name: "Harbour Lights" }).click();
    await replied;
    await service.store.updateProgress(job, { stage: "translating", done: 90, total: 100 });
    // Another page has received the event, so this page has also received it.
    await (await open(service.url)).getByText("90 of 100 cues").waitFor();
    release();
    await page.getByText("90 of 100 cues").waitFor();
  });

  test("the page reports that the manager is unreachable, reconnects, and then shows the missed changes", async () => {
    const service = await startService();
    const job = await sampleJobs(service).translating({ videoTitle: "Harbour Lights" });
    const page = await open(service.url);
    await page.getByText("312 of 640 cues").waitFor();
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

  test("a job that is deleted while its page is open is shown as deleted", async () => {
    const service = await startService();
    const { id } = await sampleJobs(service).failed({ videoTitle: "An Unsubtitled Film" });
    const page = await open(`${service.url}/jobs/${id}`);
    await page.getByRole("heading", { name: "An Unsubtitled Film" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await service.store.delete(id);
    await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  });
});
