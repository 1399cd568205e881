import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { focused, tabTo } from "./focus.js";
import { sampleJobs } from "./sample-jobs.js";
import { startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("with the keyboard"), () => {
  const { open } = usePages();

  test("a user can request a subtitle, follow its progress, and download it", async () => {
    const service = await startService();
    await service.startWorkers({ pauseMs: 20 });
    const page = await open(service.url);

    await tabTo(page, "New job");
    await page.keyboard.press("Enter");
    await expect.poll(() => focused(page)).toBe("New job");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");

    await tabTo(page, "Video");
    await page.keyboard.type("https://films.example/the-last-ferry.mkv");
    await tabTo(page, "Title");
    await page.keyboard.type("The Last Ferry");
    await tabTo(page, "Language");
    await page.keyboard.type("English");
    await tabTo(page, "Translate into");
    await page.keyboard.type("es");
    await tabTo(page, "Find the subtitle");
    await page.keyboard.press("Enter");

    await expect.poll(() => focused(page)).toBe("The Last Ferry");
    await page.getByRole("link", { name: "Download SRT" }).waitFor();
    await expect.poll(() => page.getByRole("status").allTextContents()).toContain("Completed: The Last Ferry");

    await tabTo(page, "Download SRT");
    const downloading = page.waitForEvent("download");
    await page.keyboard.press("Enter");
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("The Last Ferry.es.srt");
    expect(await text(await download.createReadStream())).toMatch(/^\d+\r?\n00:00:\d\d,\d{3} --> /);
  });

  test("Escape closes the dialog without cancelling the job; a cancelled job can be retried", async () => {
    const service = await startService();
    const { id } = await sampleJobs(service).translating({ videoTitle: "Harbour Lights" });
    const page = await open(`${service.url}/jobs/${id}`);
    const status = async () => (await service.store.get(id))?.status;
    await page.getByRole("button", { name: "Cancel job" }).waitFor();

    await tabTo(page, "Cancel job");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Cancel this job?" });
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await focused(page)).toBe("Cancel job");
    expect(await status()).toBe("translating");

    await page.keyboard.press("Enter");
    await tabTo(page, "Cancel the job");
    await page.keyboard.press("Enter");
    await page.getByText("Cancelled on request.").waitFor();
    expect(await status()).toBe("failed");
    expect(await focused(page)).toBe("Harbour Lights");

    await tabTo(page, "Try again");
    await page.keyboard.press("Enter");
    await expect.poll(status).toBe("pending");
    await page.getByText("Waiting to be tried again").waitFor();
  });

  test("the focus moves to the next row when its row is removed", async () => {
    const service = await startService();
    const jobs = sampleJobs(service);
    await jobs.pending({ videoTitle: "One" });
    const two = await jobs.pending({ videoTitle: "Two" });
    await jobs.pending({ videoTitle: "Three" });
    const page = await open(`${service.url}/?status=pending`);
    await page.getByRole("link", { name: "Two" }).focus();
    await service.store.updateStatus(two.id, "downloading");
    await page.getByRole("link", { name: "Two" }).waitFor({ state: "detached" });
    expect(await focused(page)).toBe("One");
  });
});
