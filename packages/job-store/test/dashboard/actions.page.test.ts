import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browser, usePages } from "../../../../test/page/browser.js";
import { brokerWithLetters, type FilmStore, startPlace } from "./place.js";
import { filmIn } from "./sample.js";

/** Stores failed jobs: film-1, film-2 and so on. */
async function failedFilms(store: FilmStore, count: number) {
  for (let n = 1; n <= count; n++) await filmIn(store, `film-${n}`, "failed", n, { title: `Film ${n}`, user: "ada" });
}

const dialog = (page: Page) => page.getByRole("dialog");
const press = (page: Page, name: string) => dialog(page).getByRole("button", { name }).click();

/** Resolves with the requests of actions, by id. A test can hold them. */
async function interceptActions(page: Page, answer: (n: number) => "continue" | "lose" | Promise<"continue">) {
  const ids: string[] = [];
  await page.route("**/*call=act", async (route) => {
    ids.push(route.request().postDataJSON().requestId);
    const decision = await answer(ids.length);
    if (decision === "continue") return route.continue();
    // The server acts, and its reply is lost.
    await route.fetch();
    return route.abort();
  });
  return ids;
}

/** Returns an answer for `interceptActions` that holds a request until `release` is called. */
function holdRequest() {
  let release = () => {};
  const held = new Promise<"continue">((resolve) => {
    release = () => resolve("continue");
  });
  return { held, release };
}

describe.skipIf(browser.missing)(browser.title("actions of the dashboard"), () => {
  const { open } = usePages();

  test("a retry asks for the message that the definition does not send, and stores who did it", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 1);
    const page = await open(`${url}#/films/job/film-1`);
    await page.getByRole("button", { name: "Retry …" }).click();
    await dialog(page).getByText("This sends a message to the queue downloads.").waitFor();
    await dialog(page).getByRole("radio", { name: "review" }).check();
    await press(page, "Retry");
    await dialog(page).getByText("Enter the queue of the message").waitFor();
    await dialog(page).getByLabel("Queue", { exact: true }).fill("reviews");
    await dialog(page).getByLabel(/^Note/).fill("Checked by hand.");
    await press(page, "Retry");
    await dialog(page).waitFor({ state: "detached" });
    await page.getByText("Checked by hand.").waitFor();
    expect(await store.get("film-1")).toMatchObject({ status: "review", attempt: 2 });
    expect((await store.get("film-1"))?.history.at(-1)).toMatchObject({
      by: "ada@example.com",
      note: "Checked by hand.",
    });
    const { entries } = await store.outbox.list({ kind: "waiting" });
    expect(entries).toMatchObject([{ queue: "reviews", payload: { jobId: "film-1" } }]);
    await page.getByRole("heading", { name: "Attempt 1, earlier" }).waitFor();
  });

  test("a double click acts once, and a deletion asks first", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 2);
    const page = await open(`${url}#/films/job/film-1`);
    const requests = await interceptActions(page, () => "continue");
    await page.getByRole("button", { name: "Delete …" }).click();
    await dialog(page).getByText("This cannot be undone.").waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    expect(await store.get("film-1")).not.toBeNull();
    await page.getByRole("button", { name: "Delete …" }).click();
    await dialog(page).getByRole("button", { name: "Delete" }).dblclick();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await page.getByRole("link", { name: "film-2" }).waitFor();
    expect(await store.get("film-1")).toBeNull();
    expect(requests).toHaveLength(1);
  });

  test("a job that moved after it was shown stays untouched", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 1);
    const page = await open(`${url}#/films/job/film-1`);
    await page.getByRole("button", { name: "Delete …" }).click();
    await store.updateStatus("film-1", "pending");
    await press(page, "Delete");
    await dialog(page).getByText("0 jobs done, 1 moved meanwhile.").waitFor();
    expect(await store.get("film-1")).toMatchObject({ status: "pending" });
  });

  test("a lost reply is an unknown outcome, not a failure", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 1);
    const page = await open(`${url}#/films/job/film-1`);
    await interceptActions(page, () => "lose");
    await page.getByRole("button", { name: "Retry …" }).click();
    await press(page, "Retry");
    await dialog(page).getByText("Outcome unknown.").waitFor();
    await dialog(page).getByText("0 jobs done, 1 unknown.").waitFor();
    await press(page, "Close");
    // The page shows the present state, so the user sees that the change was made.
    await page.getByRole("region", { name: "Timeline" }).getByText("ada@example.com").waitFor();
    expect(await store.get("film-1")).toMatchObject({ status: "pending" });
  });

  test("a selection is acted on, and has an outcome for each job", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 4);
    const page = await open(`${url}#/films/jobs?status=failed`);
    for (const id of ["film-1", "film-2", "film-3"]) await page.getByRole("checkbox", { name: `Select ${id}` }).check();
    await store.updateStatus("film-2", "pending");
    await page.getByRole("region", { name: "Selected jobs" }).getByRole("button", { name: "Delete …" }).click();
    expect(await dialog(page).getByRole("button", { name: "Delete 3 jobs" }).isDisabled()).toBe(true);
    await dialog(page).getByLabel("Type 3 to confirm").fill("3");
    await press(page, "Delete 3 jobs");
    await dialog(page).getByText("2 jobs done, 1 moved meanwhile.").waitFor();
    await dialog(page)
      .getByRole("row", { name: /film-2/ })
      .waitFor();
    await press(page, "Close");
    await expect.poll(() => page.locator("tbody th a").allTextContents()).toEqual(["film-4"]);
    expect(await store.counts()).toMatchObject({ failed: 1, pending: 1 });
  });

  test("all jobs that match are changed in steps, with progress, until the user stops", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 1_200);
    const page = await open(`${url}#/films/jobs?status=failed&field=user&value=ada`);
    const { held, release } = holdRequest();
    const requests = await interceptActions(page, (n) => (n === 3 ? held : "continue"));
    await page.getByRole("region", { name: "All jobs that match" }).getByRole("button", { name: "Retry …" }).click();
    await dialog(page).getByLabel("Type 1200 to confirm").fill("1200");
    await press(page, "Retry 1,200 jobs");
    await dialog(page).getByText("500 of 1,200").waitFor();
    await expect.poll(() => requests.length).toBe(3);
    await page.keyboard.press("Escape");
    await press(page, "Stop");
    release();
    await dialog(page).getByText("Stopped. 200 jobs not reached.").waitFor();
    await dialog(page).getByText("1,000 jobs done.").waitFor();
    expect(await store.counts()).toMatchObject({ failed: 200, pending: 1_000 });
    expect(new Set(requests).size).toBe(3);
  });

  test("an action on all jobs that match stops when the user leaves the view", async () => {
    const { url, store } = await startPlace();
    await failedFilms(store, 600);
    const page = await open(`${url}#/films/jobs?status=failed`);
    const { held, release } = holdRequest();
    const requests = await interceptActions(page, (n) => (n === 2 ? held : "continue"));
    await page.getByRole("region", { name: "All jobs that match" }).getByRole("button", { name: "Delete …" }).click();
    await dialog(page).getByLabel("Type 600 to confirm").fill("600");
    await press(page, "Delete 600 jobs");
    await expect.poll(() => requests.length).toBe(2);
    await page.evaluate(`location.hash = "#/films/overview"`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    release();
    await page.getByText("stopped, because the view was left. 500 jobs done.").waitFor();
    expect(await store.counts()).toMatchObject({ failed: 100 });
  });

  test("messages of the outbox, queues and dead letters are acted on", async () => {
    const { broker, acts } = brokerWithLetters();
    const { url, store } = await startPlace({ broker });
    await store.create({ title: "One" }, { id: "film-1" });
    const [entry] = await store.outbox.read();
    if (entry === undefined) expect.fail("The new job has no message.");
    await store.outbox.reject([entry.entryId], "The queue is unknown.");
    const page = await open(`${url}#/films/outbox?kind=rejected`);
    await page
      .getByRole("row", { name: /The queue is unknown/ })
      .getByRole("checkbox")
      .check();
    await page.getByRole("button", { name: "Requeue …" }).click();
    await press(page, "Requeue");
    await page.getByText("No rejected messages.").waitFor();
    await page.getByRole("link", { name: "Waiting 1" }).waitFor();

    await page.getByRole("link", { name: "Workers" }).click();
    await page.getByRole("button", { name: "Pause a queue …" }).click();
    await dialog(page).getByLabel("Queue", { exact: true }).fill("downloads");
    await dialog(page)
      .getByLabel(/^Reason/)
      .fill("The provider answered 429.");
    await press(page, "Pause");
    await page.getByRole("row", { name: /The provider answered 429/ }).waitFor();
    expect(await store.pausedQueues()).toMatchObject([{ queue: "downloads", by: "ada@example.com" }]);
    await page.getByRole("button", { name: "Resume …" }).click();
    await press(page, "Resume");
    await page.getByRole("heading", { name: "Paused queues" }).waitFor({ state: "detached" });

    await page.getByRole("link", { name: "Queues" }).click();
    await page.getByRole("link", { name: /^3 dead letters of downloads/ }).click();
    await page.getByRole("checkbox", { name: "Select the message one" }).check();
    await page.getByRole("button", { name: "Redrive …" }).click();
    await press(page, "Redrive");
    await page.getByRole("checkbox", { name: "Select the message one" }).waitFor({ state: "detached" });
    await page.getByRole("checkbox", { name: "Select all rows" }).check();
    await page.getByRole("button", { name: "Discard …" }).click();
    await dialog(page).getByLabel("Type 2 to confirm").fill("2");
    await press(page, "Discard 2 messages");
    await page.getByText("No dead letters.").waitFor();
    expect(acts).toEqual(["redrive one", "discard two,three"]);
  });

  test("actions that the user may not perform are not offered", async () => {
    const { url, store } = await startPlace({ may: (_, action) => action === "read" || action === "retry" });
    await failedFilms(store, 1);
    const page = await open(`${url}#/films/job/film-1`);
    await page.getByRole("button", { name: "Retry …" }).waitFor();
    for (const name of ["Move …", "Delete …", "Copy as new …"]) {
      expect(await page.getByRole("button", { name }).count(), name).toBe(0);
    }
  });
});
