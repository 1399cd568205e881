import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { focused } from "./focus.js";
import { samples, startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("the form for a new job"), () => {
  const { open } = usePages();

  test("an error is shown at its field, which gets the focus", async () => {
    const service = await startService();
    const page = await open(`${service.url}/new`);
    const errorOf = async (label: string) => {
      const ids = await page.getByLabel(label, { exact: true }).getAttribute("aria-describedby");
      return page.locator(`#${ids?.split(" ")[0]}`).textContent();
    };
    const send = () => page.getByRole("button", { name: "Find the subtitle" }).click();

    await send();
    await expect.poll(() => focused(page)).toBe("Video");
    expect(await errorOf("Video")).toBe("Please fill this in.");

    await page.getByLabel("Video", { exact: true }).fill("javascript:alert(1)");
    await page.getByLabel("Title", { exact: true }).fill("The Last Ferry");
    await page.getByLabel("Language", { exact: true }).fill("en");
    await page.getByLabel("Translate into", { exact: true }).fill("EN");
    await send();
    await expect.poll(() => errorOf("Video")).toContain("http, https or file address");
    await page.getByLabel("Video", { exact: true }).fill("https://films.example/1.mkv");
    await send();
    await expect.poll(() => errorOf("Translate into")).toBe("This must be another language than the subtitle's.");
    await expect.poll(() => focused(page)).toBe("Translate into");
    expect(await service.store.counts()).toMatchObject({ pending: 0 });

    await page.getByLabel("Translate into", { exact: true }).fill("Spanish");
    await send();
    await page.getByRole("heading", { name: "The Last Ferry" }).waitFor();
    const { items } = await service.store.list();
    expect(items.map(({ data }) => data.targetLanguage)).toEqual(["es"]);
    expect(page.url()).toBe(`${service.url}/jobs/${items[0]?.id}`);
  });

  test("the same request again opens the existing job, with a message", async () => {
    const service = await startService();
    const page = await open(`${service.url}/new`);
    for (const text of ["The job is accepted.", "This job exists already."]) {
      await page.goto(`${service.url}/new`);
      await page.getByLabel("Video", { exact: true }).fill("https://films.example/1.mkv");
      await page.getByLabel("Title", { exact: true }).fill("The Last Ferry");
      await page.getByLabel("Language", { exact: true }).fill("en");
      await page.getByLabel("Language", { exact: true }).press("Enter");
      await page.getByRole("heading", { name: "The Last Ferry" }).waitFor();
      await expect.poll(() => page.getByRole("status").allTextContents()).toContain(text);
    }
    expect(await service.store.counts()).toMatchObject({ pending: 1 });
  });

  test("a subtitle file can be uploaded, and the title is taken from its name", async () => {
    const service = await startService();
    const page = await open(`${service.url}/new?kind=file`);
    const buffer = await samples.read("library/The Last Ferry (2021).en.srt");
    await page
      .getByLabel("File", { exact: true })
      .setInputFiles({ name: "The.Last.Ferry.2021.en.srt", mimeType: "", buffer });
    expect(await page.getByLabel("Title", { exact: true }).inputValue()).toBe("The Last Ferry 2021");
    await page.getByLabel("Language", { exact: true }).fill("en");
    await page.getByLabel("Translate into", { exact: true }).fill("es");
    await page.getByRole("button", { name: "Upload and translate" }).click();
    await page.getByText("A subtitle file").waitFor();
    expect(await page.getByRole("row").nth(1).textContent()).toContain("not yet");
  });

  test("a file that is not a subtitle is an error at its field", async () => {
    const service = await startService();
    const page = await open(`${service.url}/new?kind=file`);
    await page
      .getByLabel("File", { exact: true })
      .setInputFiles({ name: "poem.srt", mimeType: "", buffer: Buffer.from("Roses are red") });
    await page.getByLabel("Language", { exact: true }).fill("en");
    await page.getByLabel("Translate into", { exact: true }).fill("es");
    await page.getByRole("button", { name: "Upload and translate" }).click();
    await expect.poll(() => page.getByLabel("File", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => focused(page)).toBe("File");
    expect(await service.store.counts()).toMatchObject({ pending: 0 });
  });
});
