import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { browser, usePages } from "../../../../test/page/browser.js";
import { startRedis } from "../../../../test/servers/redis.js";
import { privateServer } from "../../../../test/servers/require.js";
import { createJobStore } from "../../src/index.js";
import { redisDriver } from "../../src/redis.js";
import { startCluster, startOne } from "../redis-store.js";
import { setClock } from "../skip-time.js";
import { film, ids, live, setBrowserClock, startPlace } from "./place.js";
import { workerOf } from "./sample.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const redis = privateServer("redis");

describe.skipIf(browser.missing || !redis.available)(
  redis.title(browser.title("the dashboard of a store on servers")),
  () => {
    const { open } = usePages();

    test.each([
      ["Redis", startOne],
      ["Redis Cluster", startCluster],
    ])("shows, retries and follows the jobs in %s", async (_, start) => {
      const { url, store } = await startPlace({ driver: redisDriver({ ...(await start()), timeoutMs: 60_000 }) });
      await store.createMany(Array.from({ length: 120 }, (_, n) => ({ data: { title: `Film ${n}` } })));
      await store.create({ title: "Lost" }, { id: "film-1" });
      await store.updateStatus("film-1", "failed", { error: { message: "The provider is closed." } });
      const page = await open(url);
      await page.getByRole("row", { name: /^pending 120 / }).waitFor();
      await page.getByRole("row", { name: /^failed 1 / }).waitFor();
      await live(page);

      await page.getByRole("link", { name: "Jobs", exact: true }).click();
      const found = new Set<string>();
      for (const rows of ["1–50", "51–100", "101–121"]) {
        await page.getByText(`${rows} of 121 jobs`).waitFor();
        for (const id of await ids(page)) found.add(id);
        if (rows !== "101–121") await page.getByRole("link", { name: "Next page" }).click();
      }
      expect(found.size).toBe(121);

      await page.getByRole("link", { name: "failed 1" }).click();
      await page.getByRole("link", { name: "film-1" }).click();
      await page.getByText("The provider is closed.").waitFor();
      await page.getByRole("button", { name: "Retry …" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
      const timeline = page.getByRole("region", { name: "Timeline" });
      await timeline.getByText(", by ada@example.com").waitFor();
      expect(await store.get("film-1")).toMatchObject({ status: "pending", attempt: 2 });
      await store.updateStatus("film-1", "downloading", { note: "Asked again." });
      await timeline.getByText("Asked again.").waitFor();
    });

    test.each([-1, 1])(
      "shows the same lists, durations and times if the clocks of two workers, of its server and of the browser (%i h) are wrong",
      async (hours) => {
        const options = { ...(await startOne()), timeoutMs: 60_000 };
        const { url } = await startPlace({ driver: redisDriver(options) });
        const change = async (id: string, by: string, hoursAhead: number) => {
          setClock(hoursAhead * HOUR);
          const store = createJobStore({ job: film, driver: redisDriver(options) });
          onTestFinished(() => store.close());
          await store.create({ title: "One" }, { id });
          const job = await store.updateStatus(id, "downloading", { by });
          const worker = {
            ...workerOf("downloads", by, "downloading"),
            id: randomUUID(),
            startedAt: new Date(Date.now()),
          };
          await store.announceWorker(worker, [job], 10 * MINUTE);
          return store;
        };
        await change("alpha", "ahead@north/1", 1);
        const store = await change("beta", "behind@south/2", -1);
        await store.updateStatus("alpha", "failed", { by: "behind@south/2" });
        setClock(HOUR);

        const page = await open(`${url}#/films/jobs`, { timezoneId: "Asia/Kolkata" });
        await setBrowserClock(page, hours);
        await page.reload();
        await expect.poll(() => ids(page)).toEqual(["beta", "alpha"]);
        await page.getByRole("button", { name: "Time range" }).click();
        await page.getByRole("button", { name: "Last 15 min" }).click();
        await page.getByText("in this time range").waitFor();
        expect(await ids(page)).toEqual(["beta", "alpha"]);
        for (const [view, shown, durations] of [
          ["jobs?status=failed", "alpha", "tbody"],
          ["job/alpha", "Timeline", "section[aria-label=Timeline]"],
          ["workers", "ahead@north/1", "tbody"],
          ["outbox", "beta", "tbody"],
          ["overview", "Peak", ".tiles"],
          ["health", "sample of the last 1", ".durations"],
        ] as const) {
          await page.evaluate(`location.hash = "#/films/${view}"`);
          await page.getByRole("main").getByText(shown).first().waitFor();
          expect(await page.getByRole("main").textContent(), view).not.toMatch(/[-−]\d+(\.\d+)? (ms|s|min|h|d)\b/);
          expect(await page.locator(durations).first().textContent(), view).not.toMatch(/\d h\b/);
          const times = await page.evaluate<string[]>(
            `[...document.querySelectorAll("main time")].map((each) => each.title || each.textContent)`,
          );
          for (const time of times) expect(time, view).toMatch(/ UTC\+05:30$/);
        }
      },
    );

    test("keeps the last content while Redis is down, and continues when it is available again", async () => {
      await using server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      const { url, store } = await startPlace({ driver: redisDriver({ url: server.url, timeoutMs: 1_000 }) });
      await store.create({ title: "One" }, { id: "film-1" });
      const page = await open(`${url}#/films/jobs`);
      await live(page);
      await page.getByRole("link", { name: "film-1" }).waitFor();
      await server.kill();
      await page.getByText("The content below is as of").waitFor();
      expect(await ids(page)).toEqual(["film-1"]);
      await server.restart();
      await page.getByText("The content below is as of").waitFor({ state: "detached" });
      await expect
        .poll(() =>
          store.create({ title: "Two" }, { id: "film-2" }).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
      await expect.poll(() => ids(page)).toEqual(["film-2", "film-1"]);
      await live(page);
    });
  },
);
