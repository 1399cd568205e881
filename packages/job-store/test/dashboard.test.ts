import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createDashboard, type DashboardBroker, type DashboardOptions } from "../src/dashboard.js";
import { createJobStore, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, report, step } from "../src/lib/contract/definitions.js";
import type { Action } from "../src/lib/dashboard/protocol.js";
import { memoryDriver } from "../src/memory.js";
import { newRequestId, openDashboard, requestOf } from "./dashboard-client.js";

/** Broker with one queue and two dead letters. The second one was published without a store. */
function fakeBroker() {
  const at = new Date("2026-11-30T00:00:00Z");
  const origin = JSON.stringify(["reports", "report", "a", 1, 1, 1, 0]);
  let letters = [
    { id: "one", body: '{"secret":"tiger"}', origin, reason: "retries used up", attempts: 5, at, errors: ["tiger"] },
    { id: "two", body: "no JSON", reason: "unreadable", attempts: 1, at, errors: [] },
  ];
  const remove = async (_: unknown, { ids }: { readonly ids: readonly string[] }) => {
    const before = letters.length;
    letters = letters.filter(({ id }) => !ids.includes(id));
    return before - letters.length;
  };
  const broker: DashboardBroker = {
    stats: async () => ({ ready: 3, unacked: null, delayed: 1, dead: letters.length, consumers: 2 }),
    deadLetters: async () => letters,
    redrive: remove,
    discard: remove,
    health: async () => ({
      status: "healthy",
      warnings: ["The consumer waits: connect ECONNREFUSED 10.9.8.7:5672"],
      error: "amqp://user:tiger@host lost",
    }),
  };
  return { broker, queues: [{ name: "reports" }] };
}

describe("a broker", () => {
  test("shows its queues and dead letters, which are redriven or discarded", async () => {
    const { client } = openDashboard({ parts: fakeBroker() });
    expect(await client.call("queues", {})).toMatchObject({
      queues: [{ queue: "reports", ready: 3, dead: 2, error: null }],
      health: {
        status: "healthy",
        warnings: ["The consumer waits: connect ECONNREFUSED"],
        error: "amqp://… lost",
      },
    });
    const { letters, total } = await client.call("letters", { queue: "reports" });
    expect(total).toBe(2);
    expect(letters).toMatchObject([
      { id: "one", jobId: "a", error: "tiger" },
      { id: "two", jobId: null, payload: { text: '"no JSON"' } },
    ]);
    const redriven = await client.act({ name: "redrive", queue: "reports", ids: ["one"] });
    expect(redriven.outcomes).toEqual([{ id: "one", outcome: "done", message: null }]);
    const again = await client.act({ name: "redrive", queue: "reports", ids: ["one"] });
    expect(again.outcomes).toMatchObject([{ id: "one", outcome: "moved" }]);
    const discarded = await client.act({ name: "discard", queue: "reports", ids: ["two"] });
    expect(discarded.outcomes).toMatchObject([{ id: "two", outcome: "done" }]);
    expect(await client.failure("letters", { queue: "other" })).toMatchObject({ status: 400 });
  });

  test("letters whose state is unknown after an action have an unknown outcome", async () => {
    const { broker, queues } = fakeBroker();
    const deadLetters = () => Promise.reject(new JobStoreError("UNAVAILABLE", "The broker is unavailable."));
    const { client, actions } = openDashboard({ parts: { broker: { ...broker, deadLetters }, queues } });
    const { outcomes } = await client.act({ name: "discard", queue: "reports", ids: ["one", "gone"] });
    expect(outcomes).toEqual([
      { id: "one", outcome: "unknown", message: "The broker is unavailable." },
      { id: "gone", outcome: "unknown", message: "The broker is unavailable." },
    ]);
    expect(actions).toMatchObject([{ result: "done", outcomes }]);
  });

  test("a repeated request does not redrive a letter that was dead-lettered again", async () => {
    const { broker, queues } = fakeBroker();
    const redrive = vi.fn(async () => 1);
    const { client } = openDashboard({ parts: { broker: { ...broker, redrive }, queues } });
    const action = { name: "redrive", queue: "reports", ids: ["one"] } as const;
    const requestId = newRequestId();
    const first = await client.act(action, requestId);
    expect(await client.act(action, requestId)).toEqual(first);
    expect(redrive).toHaveBeenCalledTimes(1);
  });

  test("that is unavailable is not asked for its queues, because each call would wait for its timeout", async () => {
    const { broker, queues } = fakeBroker();
    const stats = () => expect.fail("A call on an unavailable broker.");
    const health = async () => ({ status: "unhealthy", warnings: [], error: "connect ECONNREFUSED" });
    const { client } = openDashboard({ parts: { broker: { ...broker, stats, health }, queues } });
    expect(await client.call("queues", {})).toMatchObject({
      queues: [{ queue: "reports", error: "not read" }],
      health: { status: "unhealthy", error: "connect ECONNREFUSED" },
    });
  });

  test("a store without a broker offers no actions on dead letters", async () => {
    const { client } = openDashboard();
    const [info] = (await client.call("open", {})).stores;
    expect(info).toMatchObject({ broker: false });
    expect(info?.actions).not.toContain("redrive");
    expect(await client.call("queues", {})).toMatchObject({ queues: [], health: null });
  });
});

describe("hidden data", () => {
  const SECRET = "tiger";
  const hide: NonNullable<DashboardOptions["show"]> = (part, value) => {
    if (part === "error") return { message: "hidden" };
    if (part === "note") return null;
    return JSON.parse(JSON.stringify(value).replaceAll(SECRET, "*"));
  };

  /** Creates a job that has the secret in every part. */
  async function fill(store: JobStore<Report>) {
    const outbox = [
      { queue: "q", payload: { text: SECRET } },
      { queue: "q", payload: SECRET, delayMs: 60_000 },
    ];
    await store.create({ title: SECRET, body: "x".repeat(400) }, { id: "a", outbox });
    const [entry] = await store.outbox.read();
    await store.outbox.reject([entry?.entryId ?? ""], `payload "${SECRET}" is invalid`);
    await store.updateProgress("a", { done: 0, body: SECRET });
    await step(store, "a", "working", { note: SECRET });
    await step(store, "a", "failed", { result: { url: SECRET }, error: { message: SECRET, code: SECRET } });
  }

  test("is in no reply, download or report of an action", async () => {
    const { store, dashboard, client, actions } = openDashboard({ show: hide, parts: fakeBroker() });
    await fill(store);
    const bodies = [
      ["jobs", {}],
      ["job", { id: "a" }],
      ["overview", {}],
      ["durations", {}],
      ["workers", {}],
      ["queues", {}],
      ["letters", { queue: "reports" }],
      ...(["waiting", "scheduled", "rejected"] as const).map((kind) => ["outbox", { kind }] as const),
      ...["data", "progress", "result"].map((part) => ["value", { id: "a", part }] as const),
      ["act", { requestId: newRequestId(), act: { name: "delete", chosen: { jobs: [{ id: "a", version: 1 }] } } }],
      ["act", { requestId: newRequestId(), act: { name: "redrive", queue: "reports", ids: ["one"] } }],
    ] as const;
    for (const [name, body] of bodies) {
      const reply = await dashboard.fetch(requestOf(name, { store: "reports", ...body }));
      expect(reply.status).toBe(200);
      expect(await reply.text()).not.toContain(SECRET);
    }
    expect((await client.call("jobs", {})).items[0]?.data).toContain("*");
    expect(JSON.stringify(actions.map((action) => ({ ...action, request: null })))).not.toContain(SECRET);
  });

  test("stays hidden if the function fails, and the error does not contain it", async () => {
    const show = (_: unknown, value: unknown) => {
      throw new Error(`cannot read ${JSON.stringify(value)}`);
    };
    const { store, dashboard } = openDashboard({ show });
    await fill(store);
    for (const [name, body] of [
      ["jobs", {}],
      ["job", { id: "a" }],
      ["value", { id: "a", part: "data" }],
    ] as const) {
      const reply = await dashboard.fetch(requestOf(name, { store: "reports", ...body }));
      expect(reply.status).toBe(500);
      expect(await reply.text()).not.toContain(SECRET);
    }
  });
});

const EVERY_ACTION: readonly Action[] = [
  { name: "retry", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "waiting" },
  { name: "move", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "failed" },
  { name: "delete", chosen: { jobs: [{ id: "a", version: 1 }] } },
  { name: "copy", id: "a" },
  { name: "requeue", entryIds: ["0-1"] },
  { name: "drop", entryIds: ["0-1"] },
  { name: "run-now", entryIds: ["0-1"] },
  { name: "cancel", entryIds: ["0-1"] },
  { name: "reschedule", entryIds: ["0-1"], at: "2026-12-31T00:00:00Z" },
  { name: "pause", queue: "reports" },
  { name: "resume", queue: "reports" },
  { name: "redrive", queue: "reports", ids: ["one"] },
  { name: "discard", queue: "reports", ids: ["one"] },
];

describe("access", () => {
  test("without a decision about access, every request is refused", async () => {
    const store = createJobStore({ job: report, driver: memoryDriver() });
    onTestFinished(() => store.close());
    // The compiler rejects the missing option.
    const dashboard = createDashboard({ stores: { reports: { store } } } as unknown as DashboardOptions);
    for (const request of [
      new Request("http://host/"),
      new Request("http://host/?asset=page.js"),
      requestOf("open", {}),
    ]) {
      expect((await dashboard.fetch(request)).status).toBe(403);
    }
  });

  test.each(EVERY_ACTION)("a read-only dashboard refuses the action $name and reports it", async (act) => {
    const { store, client, actions } = openDashboard({ readOnly: true, parts: fakeBroker() });
    await store.create({ title: "One" }, { id: "a" });
    const requestId = newRequestId();
    expect(await client.failure("act", { requestId, act })).toMatchObject({ status: 403, code: "READ_ONLY" });
    expect(actions).toMatchObject([{ action: act.name, requestId, result: "denied", store: "reports" }]);
    expect(actions[0]?.ids).not.toEqual([]);
    expect(await store.get("a")).toMatchObject({ version: 1 });
    expect((await client.call("open", {})).stores).toMatchObject([{ readOnly: true, actions: [] }]);
  });

  test.each([
    ["false", () => false],
    ["an error", () => Promise.reject(new Error("no session"))],
    ["a value that is not true", () => "yes" as unknown as boolean],
  ])("%s denies", async (_, decide) => {
    const { store, client, actions } = openDashboard({
      may: (__, action) => (action === "read" ? true : decide()),
    });
    await store.create({ title: "One" }, { id: "a" });
    const act = { name: "delete", chosen: { jobs: [{ id: "a", version: 1 }] } };
    const denied = await client.failure("act", { requestId: newRequestId(), act });
    expect(denied).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(actions).toMatchObject([{ action: "delete", ids: ["a"], result: "denied" }]);
    expect(await store.get("a")).not.toBeNull();
    expect((await client.call("open", {})).stores).toMatchObject([{ actions: [] }]);
  });

  test("a store that the user may not read is absent, and no call reaches it", async () => {
    const { client } = openDashboard({ may: () => false });
    expect(await client.call("open", {})).toMatchObject({ stores: [] });
    for (const name of ["jobs", "job", "overview", "watch", "value", "act"]) {
      expect(await client.failure(name, { id: "a" })).toMatchObject({ status: 403, code: "FORBIDDEN" });
    }
    expect(await client.failure("jobs", { store: "other" })).toMatchObject({ status: 403 });
  });

  test("a failed action is reported with the reason", async () => {
    const { client, actions } = openDashboard();
    const act = { name: "move", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "nowhere" };
    await client.failure("act", { requestId: newRequestId(), act });
    expect(actions).toMatchObject([{ action: "move", result: "failed", error: expect.stringContaining("`to`") }]);
  });
});

test.each([
  [{}, "stores"],
  [{ stores: {} }, "stores"],
  [{ stores: { a: {} } }, "`store`"],
])("createDashboard rejects the options %j", (options, named) => {
  const create = () => createDashboard({ may: () => true, ...options } as unknown as DashboardOptions);
  expect(create).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(named) }),
  );
});
