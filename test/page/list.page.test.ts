import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { sampleJobs } from "./sample-jobs.js";
import { startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("the list of jobs"), () => {
  const { open } = usePages();

  test("the filters are part of the URL, and are restored from it", async () => {
    const service = await startService();
    const jobs = sampleJobs(service);
    await jobs.failed({ videoTitle: "Amélie (2001)", language: "fr" });
    await jobs.failed({ videoTitle: "Alien (1979)" });
    await jobs.pending({ videoTitle: "Amélie, again", language: "fr" });
    const page = await open(service.url);
    const titles = () => page.locator("tbody a").allTextContents();
    await expect.poll(titles).toEqual(["Amélie, again", "Alien (1979)", "Amélie (2001)"]);

    await page.getByRole("link", { name: "Failed 2" }).click();
    await expect.poll(titles).toEqual(["Alien (1979)", "Amélie (2001)"]);
    await page.getByLabel("Title", { exact: true }).fill("amelie");
    await expect.poll(titles).toEqual(["Amélie (2001)"]);
    expect(new URL(page.url()).search).toBe("?status=failed&q=amelie");
    await expect.poll(() => page.getByRole("status").allTextContents()).toContain("1 job shown.");

    await page.reload();
    await expect.poll(titles).toEqual(["Amélie (2001)"]);
    expect(await page.getByLabel("Title", { exact: true }).inputValue()).toBe("amelie");

    await page.goBack();
    await expect.poll(titles).toHaveLength(3);
    expect(await page.getByLabel("Title", { exact: true }).inputValue()).toBe("");

    await page.getByLabel("Language", { exact: true }).fill("French");
    await expect.poll(titles).toEqual(["Amélie, again", "Amélie (2001)"]);
    expect(new URL(page.url()).search).toBe("?language=fr");
    await page.getByRole("link", { name: "Clear" }).click();
    await expect.poll(titles).toHaveLength(3);
  });

  test("the button at the end of the list loads the next page", async () => {
    const service = await startService();
    const film = (n: number) => ({
      videoUrl: `https://films.example/${n}.mkv`,
      videoTitle: `Film ${n}`,
      language: "en",
    });
    await service.store.createMany(Array.from({ length: 60 }, (_, n) => ({ data: film(n) })));
    const page = await open(service.url);
    const titles = () => page.locator("tbody a").allTextContents();
    await expect.poll(titles).toHaveLength(50);
    await page.getByRole("button", { name: "Load more" }).click();
    await expect.poll(titles).toHaveLength(60);
    expect(new Set(await titles()).size).toBe(60);
    expect(await page.getByRole("button", { name: "Load more" }).count()).toBe(0);
  });

  test("titles, addresses and errors are shown as text, also if they contain HTML", async () => {
    const service = await startService();
    const title = `<img src=x onerror="alert(1)"> "'></a><script>alert(2)</script> \u202Egnp.exe`;
    const jobs = sampleJobs(service);
    const failed = await jobs.failed(
      { videoTitle: title, videoUrl: "javascript:alert(3)" },
      { message: "<img src=x onerror=alert(4)>", code: "<b>X</b>", retryable: false },
    );
    const page = await open(service.url);
    let alerts = 0;
    page.on("dialog", (dialog) => {
      alerts += 1;
      void dialog.dismiss();
    });
    await expect.poll(() => page.locator("tbody a").allTextContents()).toEqual([title]);
    await page.locator("tbody a").click();
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    expect(await page.locator("h1").textContent()).toBe(title);
    expect(await page.title()).toContain("<script>");
    expect(await page.getByText("<img src=x onerror=alert(4)>").count()).toBe(1);
    expect(await page.locator("img[src=x], main script, main b").count()).toBe(0);
    expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
    expect(await page.getByText("javascript:alert(3)").count()).toBe(1);
    expect([alerts, failed.data.videoTitle]).toEqual([0, title]);
  });
});
