import { describe, expect, test } from "vitest";
import { browser, usePages } from "./browser.js";
import { films } from "./films.js";
import { look } from "./look.js";
import { startService } from "./service.js";
import { seed, states } from "./states.js";

describe.skipIf(browser.missing)(browser.title("every state is accessible, and fits a phone"), () => {
  const { open } = usePages();

  test("a service at work", async () => {
    const service = await startService();
    const page = await open(service.url);
    for (const { name, path, arrive } of states(await seed(service))) {
      await page.evaluate(`history.pushState(null, "", "${path}"); dispatchEvent(new PopStateEvent("popstate"))`);
      await arrive(page);
      await look(page, name);
    }
  });

  test("no jobs yet", async () => {
    const { url } = await startService();
    const page = await open(url);
    await page.getByText("There are no jobs yet.").waitFor();
    await look(page, "jobs-empty");
  });

  test("loading", async () => {
    const { url } = await startService();
    const page = await open(url);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/api/v1/jobs?*", (route) => released.then(() => route.continue()));
    await page.reload();
    await page.getByText("Loading jobs …").waitFor();
    await look(page, "jobs-loading");
    release();
    await page.getByText("There are no jobs yet.").waitFor();
  });

  test("the service does not answer", async () => {
    const service = await startService();
    await seed(service);
    const page = await open(service.url);
    await page.getByText("312 of 640 cues").waitFor();
    await service.stopManager();
    await page.getByText("The service does not answer.").waitFor();
    await look(page, "disconnected");
    await expect.poll(() => page.getByText("312 of 640 cues").isVisible()).toBe(true);
  });

  test("the job store is away", async () => {
    const service = await startService();
    await service.store.close();
    const page = await open(service.url);
    await page.getByText("The job store (Redis) is away.").waitFor();
    await page.getByText("The jobs cannot be read.").waitFor();
    await look(page, "store-away");
  });

  test("the queue is away", async () => {
    const service = await startService();
    await seed(service);
    service.queues.faults.goAway();
    const page = await open(`${service.url}/service`);
    await page.getByText("The queue (RabbitMQ) is away.").first().waitFor();
    await page.getByText("Unknown: RabbitMQ is away.").first().waitFor();
    await look(page, "queue-away");
  });

  test("a service that wants a token", async () => {
    const service = await startService({ token: "open sesame" });
    await films(service).failed({ videoTitle: "A Film Nobody Subtitled" });
    const page = await open(service.url);
    const signIn = async (token: string) => {
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn("guessed");
    await page.getByText("The service does not accept this token.").waitFor();
    await look(page, "sign-in");

    await signIn("open sesame");
    await page.getByRole("link", { name: "A Film Nobody Subtitled" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "A Film Nobody Subtitled" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await expect.poll(() => page.getByText("Not live").isVisible()).toBe(true);
  });
});
