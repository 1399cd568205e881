import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { checkState, takePicture, takesPictures } from "./checks.js";
import { sampleJobs } from "./sample-jobs.js";
import { startService } from "./service.js";
import { seed, states } from "./states.js";

describe.skipIf(browser.missing)(browser.title("every state is accessible, and fits on a phone"), () => {
  const { open } = usePages();

  test("a service at work, then without its queue, then without the manager", async () => {
    const service = await startService();
    const page = await open(service.url);
    for (const { name, path, enter, onlyPicture = false } of states(await seed(service))) {
      if (onlyPicture && !takesPictures) continue;
      await page.evaluate(`history.pushState(null, "", "${path}"); dispatchEvent(new PopStateEvent("popstate"))`);
      await enter(page);
      await (onlyPicture ? takePicture(page, name) : checkState(page, name));
    }

    service.queues.faults.goAway();
    await page.reload();
    await page.getByText("The queue (RabbitMQ) is unavailable.").first().waitFor();
    await page.getByText("Unknown: RabbitMQ is unavailable.").first().waitFor();
    await checkState(page, "queue-away");
    service.queues.faults.comeBack();

    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByText("312 of 640 cues").waitFor();
    await service.stopManager();
    await page.getByText("The service does not answer.").waitFor();
    await checkState(page, "disconnected");
    await expect.poll(() => page.getByText("312 of 640 cues").isVisible()).toBe(true);
  });

  test("no jobs, loading jobs, and an unavailable job store", async () => {
    const { url, store } = await startService();
    const page = await open(url);
    await page.getByText("There are no jobs yet.").waitFor();
    await checkState(page, "jobs-empty");

    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/api/v1/jobs?*", (route) => released.then(() => route.continue()));
    await page.reload();
    await page.getByText("Loading jobs …").waitFor();
    await checkState(page, "jobs-loading");
    release();
    await page.getByText("There are no jobs yet.").waitFor();

    await store.close();
    await page.reload();
    await page.getByText("The job store (Redis) is unavailable.").waitFor();
    await page.getByText("The jobs cannot be read.").waitFor();
    await checkState(page, "store-away");
  });

  test("a service that requires a token", async () => {
    const service = await startService({ token: "open sesame" });
    await sampleJobs(service).failed({ videoTitle: "An Unsubtitled Film" });
    const page = await open(service.url);
    const signIn = async (token: string) => {
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn("guessed");
    await page.getByText("The service does not accept this token.").waitFor();
    await checkState(page, "sign-in");

    await signIn("open sesame");
    await page.getByRole("link", { name: "An Unsubtitled Film" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "An Unsubtitled Film" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await expect.poll(() => page.getByText("Not live").isVisible()).toBe(true);
  });
});
