// Functions of the application that fail, wait, or return another kind of value than they should.

import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createDashboard, type DashboardOptions } from "../src/dashboard.js";
import { createJobStore, defineJob } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { withoutCredentials } from "../src/lib/dashboard/reply.js";
import { memoryDriver } from "../src/memory.js";
import { clientOf, newRequestId, openDashboard, reportWithArchive, requestOf } from "./dashboard-client.js";

const unhandled = vi.fn();

beforeEach(() => {
  unhandled.mockReset();
  process.on("unhandledRejection", unhandled);
  return async () => {
    await new Promise(setImmediate);
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  };
});

describe("a function that should not be asynchronous", () => {
  const fail = () => Promise.reject(new Error("tiger"));

  test("`onAction` can reject without effect on the reply or the process", async () => {
    const { client } = openDashboard({ onAction: fail });
    const reply = await client.act({ name: "pause", queue: "reports" });
    expect(reply.outcomes).toMatchObject([{ outcome: "done" }]);
  });

  test.each([
    ["rejects", fail],
    ["resolves", async () => "visible"],
  ])("`show` that returns a promise and %s is an error, and nothing is shown", async (_, show) => {
    const { store, client } = openDashboard({ show });
    await store.create({ title: "One" }, { id: "a" });
    const failed = await client.failure("job", { id: "a" });
    expect(failed).toMatchObject({ status: 500, message: expect.stringContaining("`show`") });
  });

  test("`links` that rejects leaves the links out", async () => {
    const links = fail as unknown as () => [];
    const { store, client } = openDashboard({ parts: { links } });
    await store.create({ title: "One" }, { id: "a" });
    expect(await client.call("job", { id: "a" })).toMatchObject({ links: [] });
  });
});

describe("links", () => {
  test("that are no objects are left out, and further properties are not sent", async () => {
    const links = () => [null, 1, { text: "Trace", url: "https://trace/a", token: "tiger" }] as never;
    const { store, client } = openDashboard({ parts: { links } });
    await store.create({ title: "One" }, { id: "a" });
    expect((await client.call("job", { id: "a" }))?.links).toEqual([{ text: "Trace", url: "https://trace/a" }]);
  });
});

describe("options that would open the dashboard by accident", () => {
  test.each(["", " ", "open sesame ", "tab\tinside", "tök€n"])("the token %j is refused", (token) => {
    const store = createJobStore({ job: report, driver: memoryDriver() });
    onTestFinished(() => store.close());
    expect(() => createDashboard({ stores: { reports: { store } }, may: () => true, token })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("token") }),
    );
  });

  test("`readOnly` of another kind than false is read-only", async () => {
    const { client } = openDashboard({ readOnly: "yes" as unknown as boolean });
    const act = { name: "pause", queue: "reports" };
    expect(await client.failure("act", { requestId: newRequestId(), act })).toMatchObject({ code: "READ_ONLY" });
  });
});

test("a message of a schema that quotes the value goes through `show`", async () => {
  const driver = memoryDriver();
  const before = createJobStore({ job: report, driver });
  onTestFinished(() => before.close());
  await before.create({ title: "tiger" }, { id: "a" });
  const refuses = z.any().refine(() => false, { error: ({ input }) => `not ${JSON.stringify(input)}` });
  const store = createJobStore({ job: defineJob({ ...report, data: refuses, index: {} }), driver });
  const show: DashboardOptions["show"] = (part, value) => (part === "error" ? { message: "hidden" } : value);
  const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true, show });
  onTestFinished(() => store.close());
  const chosen = { jobs: [{ id: "a", version: 1 }] };
  const all = { filter: { status: "waiting" }, shownAt: new Date(Date.now() + 1000).toISOString(), confirmed: 1 };
  for (const [name, body] of [
    ["jobs", {}],
    ["job", { id: "a" }],
    ["value", { id: "a", part: "data" }],
    ["act", { requestId: newRequestId(), act: { name: "delete", chosen } }],
    ["act", { requestId: newRequestId(), act: { name: "move", to: "working", chosen: all } }],
    ["act", { requestId: newRequestId(), act: { name: "move", to: "working", chosen } }],
    ["act", { requestId: newRequestId(), act: { name: "copy", id: "a" } }],
  ] as const) {
    const reply = await dashboard.fetch(requestOf(name, { store: "reports", ...body }));
    const text = await reply.text();
    expect(text, name).toMatch(/hidden|own page/);
    expect(text, name).not.toContain("tiger");
  }
});

test("a closed dashboard refuses every request, and starts no watch", async () => {
  const { store, dashboard } = openDashboard();
  const watch = vi.spyOn(store, "watch");
  await dashboard.close();
  for (const name of ["open", "jobs", "watch"]) {
    const reply = await dashboard.fetch(requestOf(name, { store: "reports" }));
    expect(reply.status).toBe(503);
    expect(await reply.json()).toMatchObject({ error: { code: "CLOSED" } });
  }
  expect(watch).not.toHaveBeenCalled();
});

test("two pages that load after a service recorded another definition open the store once", async () => {
  const driver = memoryDriver();
  const open = vi.spyOn(driver, "open");
  const first = createJobStore({ job: report, driver });
  onTestFinished(() => first.close());
  await first.create({ title: "One" }, { id: "a" });
  const dashboard = createDashboard({ stores: { reports: { driver } }, may: () => true });
  onTestFinished(() => dashboard.close());
  const client = clientOf(dashboard);
  await client.call("open", {});
  const second = createJobStore({ job: reportWithArchive, driver });
  onTestFinished(() => second.close());
  await second.create({ title: "Two" }, { id: "b" });
  const before = open.mock.calls.length;
  await Promise.all(Array.from({ length: 3 }, () => client.call("open", {})));
  expect(open.mock.calls.length - before).toBe(1);
});

test.each([
  ["redis://user:tiger@host:6379/0 lost", "redis://host:6379/0 lost"],
  ["redis://user:ti@tiger@host", "redis://host"],
  ["amqp://tiger@host, redis://:tiger@other", "amqp://host, redis://other"],
  ["https://host/users/@me", "https://host/users/@me"],
])("withoutCredentials: %s", (text, expected) => {
  expect(withoutCredentials(text)).toBe(expected);
});
