import { describe, expect, test } from "vitest";
import { browser, usePages } from "../../../../test/page/browser.js";
import { openDashboard } from "../dashboard-client.js";
import { AUTHORIZATION, MOUNTS, type Mount, serveProxy, USER } from "../dashboard-mounts.js";

const behindProxy: Mount = async (dashboard) =>
  serveProxy(await MOUNTS.http(dashboard), (path) => path.replace("/a/b", "/"));

describe.skipIf(browser.missing)(browser.title("the page of a dashboard in an application"), () => {
  const { open } = usePages();

  test.each([
    ["http", MOUNTS.http],
    ["Express", MOUNTS.Express],
    ["Fastify", MOUNTS.Fastify],
    ["Hono", MOUNTS.Hono],
    ["http behind a proxy that strips the path", behindProxy],
  ])("is live and acts as the user in %s, under a path, behind Basic authentication", async (_, mount) => {
    const by = ({ headers }: Request) => (headers.get("authorization") === AUTHORIZATION ? USER.username : "");
    const { store, dashboard } = openDashboard({ by });
    await store.create({ title: "One" }, { id: "a" });
    const page = await open(`${await mount(dashboard)}/a/b#/reports/jobs`, { httpCredentials: USER });
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "waiting 1" }).waitFor();
    await store.create({ title: "Two" }, { id: "b" });
    await page.getByRole("link", { name: "waiting 2" }).waitFor();
    await page.getByRole("link", { name: "b", exact: true }).click();
    await page.getByRole("button", { name: "Move …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio", { name: "failed" }).check();
    await dialog.getByRole("button", { name: "Move" }).click();
    await page.getByRole("region", { name: "Timeline" }).getByText(", by ann").waitFor();
    expect(await store.get("b")).toMatchObject({ status: "failed" });
  });
});
