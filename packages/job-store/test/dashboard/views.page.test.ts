import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { browser, phone, usePages } from "../../../../test/page/browser.js";
import { focused, tabTo } from "../../../../test/page/focus.js";
import { brokerWithLetters, ids, startPlace, UNTRUSTED } from "./place.js";
import { fillStore, filmIn } from "./sample.js";

/** Text as the page shows it: a character that reverses the text around it is an escape. */
const SHOWN = UNTRUSTED.replace("\u202E", "\\u202e");

describe.skipIf(browser.missing)(browser.title("the views of the dashboard"), () => {
  const { open } = usePages();

  test("values, errors, notes, reasons and ids of others are shown as text", async () => {
    const { url, store } = await startPlace({
      broker: brokerWithLetters().broker,
      title: UNTRUSTED,
    });
    await store.create({ title: UNTRUSTED, user: UNTRUSTED.slice(0, 40) }, { id: "film-1" });
    await store.updateStatus("film-1", "failed", {
      note: UNTRUSTED,
      by: "<b>grace</b>",
      error: { message: UNTRUSTED, code: "<b>CODE</b>", retryable: false },
    });
    await store.pauseQueue("downloads", { reason: UNTRUSTED, by: "<i>grace</i>" });
    const [entry] = await store.outbox.read();
    if (entry !== undefined) await store.outbox.reject([entry.entryId], UNTRUSTED);
    const page = await open(`${url}#/films/job/film-1`);
    const views = [
      ["job/film-1", SHOWN],
      ["jobs", SHOWN],
      ["jobs?field=user&value=%3Cimg%20src%3Dx%3E&contains=%3Cb%3E", "No job matches."],
      ["workers", SHOWN],
      ["outbox?kind=rejected", SHOWN],
      ["queues/downloads", SHOWN],
      ["queues/%3Cimg%20src=x%20onerror=alert(1)%3E", "<img src=x onerror=alert(1)>"],
      [`job/${encodeURIComponent("<script>alert(1)</script>\u202E")}`, "<script>alert(1)</script>\\u202e"],
      ["overview", SHOWN],
    ] as const;
    for (const [view, shown] of views) {
      await page.evaluate(`location.hash = ${JSON.stringify(`#/films/${view}`)}`);
      await page.getByRole("main").getByText(shown).first().waitFor();
      expect(await page.locator("main img, main script, main b, main i").count(), view).toBe(0);
    }
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
    expect(await page.locator(".brand").textContent()).toBe(UNTRUSTED);
  });

  test("a reason with a time that does not exist is shown as it is", async () => {
    const { url, store } = await startPlace();
    await store.create({ title: "One" }, { id: "film-1" });
    const [entry] = await store.outbox.read();
    const reason = "not before 2026-99-99T99:99:99Z";
    await store.outbox.reject([entry?.entryId ?? ""], reason);
    const page = await open(`${url}#/films/job/film-1`);
    await page.locator(".why").getByText(reason).waitFor();
  });

  test("very long ids and values fit on a phone, and a long value is cut and can be downloaded", async () => {
    const { url, store } = await startPlace();
    const id = "x".repeat(128);
    const body = "0123456789".repeat(20_000);
    await store.create({ title: "y".repeat(500), body }, { id });
    const page = await open(`${url}#/films/job/${id}`, { viewport: phone });
    await page.getByText("Only the first part is shown").waitFor();
    const scroll = () => page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    expect(await scroll()).toBe(0);
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download Data" }).click();
    expect(JSON.parse(await text(await (await downloading).createReadStream()))).toMatchObject({ body });
    await page.getByRole("link", { name: "Jobs", exact: true }).first().click();
    await expect.poll(() => ids(page)).toEqual([id]);
    expect(await scroll()).toBe(0);
  });

  test("no table needs horizontal scrolling on a phone, also with long names and an open payload", async () => {
    const { url, store } = await startPlace({ broker: brokerWithLetters().broker });
    await fillStore(store);
    await store.pauseQueue("q".repeat(60), {
      reason: "too many requests ".repeat(8),
      by: `${"x".repeat(60)}@example.com`,
    });
    const message = { queue: "q".repeat(60), payload: { text: "x".repeat(500) } };
    await store.create(
      { title: "One" },
      { id: "x".repeat(128), outbox: [message, { ...message, delayMs: 3_600_000 }] },
    );
    const page = await open(url, { viewport: phone });
    const views = [
      ["overview", "Overview"],
      ["jobs", "Jobs"],
      ["workers", "Workers"],
      ["outbox?kind=waiting", "Outbox"],
      ["outbox?kind=scheduled", "Outbox"],
      ["outbox?kind=rejected", "Outbox"],
      ["queues", "Queues of the broker"],
      ["queues/downloads", "Dead letters of downloads"],
      ["health", "Health"],
    ] as const;
    for (const [view, heading] of views) {
      await page.evaluate(`location.hash = ${JSON.stringify(`#/films/${view}`)}`);
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await page.locator("main table tbody tr").first().waitFor();
      const payload = page.locator("main summary").first();
      if ((await payload.count()) > 0) await payload.click();
      const overflow =
        "[...document.querySelectorAll('main .table')].map((table) => table.scrollWidth - table.clientWidth)";
      for (const width of (await page.evaluate(overflow)) as number[]) expect(width, view).toBe(0);
    }
  });

  test("the filters are part of the URL, and the number next to a list is the number of its rows", async () => {
    const { url, store } = await startPlace();
    await store.createMany(
      Array.from({ length: 120 }, (_, n) => ({ data: { title: `Film ${n}`, user: n < 7 ? "ada" : "grace" } })),
    );
    for (let n = 0; n < 3; n++)
      await filmIn(store, `failed-${n}`, "failed", n + 1, { title: `Lost ${n}`, user: "ada" });
    const page = await open(`${url}#/films/jobs`);
    await page.getByText("1–50 of 123 jobs").waitFor();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByText("51–100 of 123 jobs").waitFor();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByText("101–123 of 123 jobs").waitFor();
    expect(await ids(page)).toHaveLength(23);
    await page.getByRole("link", { name: "Previous page" }).click();
    await page.getByText("51–100 of 123 jobs").waitFor();

    await page.getByLabel("Value").fill("ada");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("1–10 of 10 jobs").waitFor();
    await page.getByRole("link", { name: "failed 3" }).click();
    await expect.poll(() => ids(page)).toEqual(["failed-0", "failed-1", "failed-2"]);
    expect(new URL(page.url()).hash).toBe("#/films/jobs?status=failed&field=user&value=ada");
    await page.reload();
    await expect.poll(() => ids(page)).toHaveLength(3);
    expect(await page.getByLabel("Value").inputValue()).toBe("ada");

    await page.getByLabel("Filter the loaded page only").fill("lost 1");
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    await expect.poll(() => ids(page)).toEqual(["failed-1"]);
    await page.getByText("1 of the 1–3 of 3 jobs").waitFor();
    await page.goBack();
    await expect.poll(() => ids(page)).toHaveLength(3);
    await page.getByText("Searchable fields: user, parent.").waitFor();
  });

  test("a phone shows the list on its first screen, and the filters after a button was pressed", async () => {
    const { url, store } = await startPlace();
    await filmIn(store, "film-1", "failed", 1, { title: "One", user: "ada" });
    await filmIn(store, "film-2", "failed", 2, { title: "Two", user: "grace" });
    const page = await open(`${url}#/films/jobs`, { viewport: { width: 375, height: 667 } });
    await expect.poll(() => ids(page)).toEqual(["film-1", "film-2"]);
    const bottom = async () => {
      const box = await page.getByRole("row", { name: /film-2/ }).boundingBox();
      return box === null ? Number.POSITIVE_INFINITY : box.y + box.height;
    };
    expect(await bottom()).toBeLessThan(667);
    const button = page.getByRole("button", { name: /^Filters/ });
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    expect(await page.getByLabel("Value").isVisible()).toBe(false);

    await tabTo(page, "Filters and order");
    await page.keyboard.press("Enter");
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    await page.getByLabel("Value").fill("ada");
    await page.keyboard.press("Enter");
    await expect.poll(() => ids(page)).toEqual(["film-1"]);
    expect(await button.textContent()).toBe("Filters and order, 1 set");
    expect(await page.getByLabel("Value").isVisible()).toBe(false);

    await page.setViewportSize({ width: 1080, height: 760 });
    expect(await page.getByLabel("Value").isVisible()).toBe(true);
    expect(await button.count()).toBe(0);
  });

  test("a job links to the jobs that it names, to those that name it, and only to web addresses", async () => {
    const { url, store } = await startPlace();
    await store.create({ title: "Season 1" }, { id: "season" });
    await store.create({ title: "Episode 1", parent: "season" }, { id: "episode-1" });
    await store.create({ title: "Episode 2", parent: "season" }, { id: "episode-2" });
    const page = await open(`${url}#/films/job/episode-1`);
    await page.getByRole("region", { name: "Data" }).getByRole("link", { name: "season" }).click();
    await page.getByRole("heading", { name: "season" }).waitFor();
    await page.getByRole("link", { name: "2 jobs" }).click();
    await expect.poll(() => ids(page)).toEqual(["episode-2", "episode-1"]);
  });

  test("the keyboard reaches everything: skip link, views, rows, dialogs", async () => {
    const { url, store } = await startPlace();
    await filmIn(store, "film-1", "failed", 1, { title: "One" });
    const page = await open(url);
    await page.getByRole("row", { name: /^failed/ }).waitFor();
    await tabTo(page, "Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("link", { name: "Jobs", exact: true }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => focused(page)).toBe("Jobs");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");
    await tabTo(page, "film-1");
    await page.keyboard.press("Enter");
    await expect.poll(() => focused(page)).toBe("film-1");
    await page.getByRole("button", { name: "Delete …" }).waitFor();
    await tabTo(page, "Delete …");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Delete the job" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focused(page)).toBe("Delete …");
  });
});
