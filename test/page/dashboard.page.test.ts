import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { sampleJobs } from "./sample-jobs.js";
import { startService } from "./service.js";

describe.skipIf(browser.missing)(browser.title("the dashboard of the service"), () => {
  const { open } = usePages();

  test("is linked from the page of the service, needs the token, and links each job to its page", async () => {
    const token = "open sesame";
    const service = await startService({ token });
    const { id } = await sampleJobs(service).failed({ videoTitle: "An Unsubtitled Film" });
    const page = await open(`${service.url}/service`);
    const signIn = async () => {
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await signIn();
    await page.getByRole("link", { name: "dashboard" }).click();
    await page.getByText("The dashboard needs a token.").waitFor();
    await signIn();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("link", { name: id }).click();
    expect(await page.getByRole("link", { name: "Page of this job" }).getAttribute("href")).toBe(`/jobs/${id}`);
  });
});
