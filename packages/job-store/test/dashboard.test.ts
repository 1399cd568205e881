import { describe, expect, onTestFinished, test } from "vitest";
import { createDashboard, type DashboardOptions } from "../src/dashboard.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import type { CallName, Calls } from "../src/lib/dashboard/protocol.js";
import { memoryDriver } from "../src/memory.js";

function open(options: Partial<DashboardOptions> = {}) {
  const driver = memoryDriver();
  const store = createJobStore({ job: report, driver });
  const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true, ...options });
  onTestFinished(async () => {
    await dashboard.close();
    await store.close();
  });
  return { store, dashboard, faults: driver.faults };
}

async function call<N extends CallName>(
  dashboard: ReturnType<typeof createDashboard>,
  name: N,
  body: object,
): Promise<Calls[N]["reply"]> {
  const reply = await dashboard.fetch(
    new Request(`http://host/a/b?call=${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  const value = await reply.json();
  if (reply.status !== 200) expect.fail(JSON.stringify(value));
  return value as Calls[N]["reply"];
}

describe("the dashboard", () => {
  test("shows a job in its list and on its own page", async () => {
    const { store, dashboard } = open();
    await store.create({ title: "One" }, { id: "a" });
    const { items, total } = await call(dashboard, "jobs", { store: "reports" });
    expect(total).toBe(1);
    expect(items).toMatchObject([{ id: "a", status: "waiting", data: '{"title":"One"}' }]);
    const job = await call(dashboard, "job", { store: "reports", id: "a" });
    expect(job).toMatchObject({ id: "a", version: 1, history: [{ status: "waiting", attempt: 1 }] });
    expect(await call(dashboard, "job", { store: "reports", id: "b" })).toBeNull();
    expect(await call(dashboard, "overview", { store: "reports" })).toMatchObject({ counts: { waiting: 1 } });
    expect((await call(dashboard, "open", {})).stores).toMatchObject([{ key: "reports", fields: ["label", "owner"] }]);
  });
});
