import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createDashboard } from "../src/dashboard.js";
import { createJobStore, defineJob, openRecordedStore } from "../src/index.js";
import { jobIn, report, step } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";
import { clientOf, newRequestId, openDashboard } from "./dashboard-client.js";

describe("retry and move", () => {
  test("a failed job is retried with the message that the user entered, and the change has an author", async () => {
    const { store, client, actions } = openDashboard({ by: () => "alice" });
    const failed = await jobIn(store, "failed", "a");
    const message = { queue: "reports", payload: '{"id":"{id}"}' };
    const chosen = { jobs: [{ id: "a", version: failed.version }] };
    const { outcomes } = await client.act({ name: "retry", chosen, to: "waiting", message, note: "once more" });
    expect(outcomes).toEqual([{ id: "a", outcome: "done", message: null }]);
    expect(await store.get("a")).toMatchObject({ status: "waiting", attempt: 2 });
    expect((await store.get("a"))?.history.at(-1)).toMatchObject({ by: "alice", note: "once more" });
    expect(await store.outbox.read()).toMatchObject([{ queue: "reports", payload: { id: "a" } }]);
    expect(actions).toMatchObject([{ action: "retry", by: "alice", ids: ["a"], result: "done", outcomes }]);
  });

  test("a status that sends a message sends exactly this one", async () => {
    const driver = memoryDriver();
    const sending = defineJob({
      ...report,
      statuses: { ...report.statuses, waiting: { ...report.statuses.waiting, sends: [{ queue: "workers" }] } },
    });
    const store = createJobStore({ job: sending, driver });
    const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true });
    onTestFinished(async () => {
      await dashboard.close();
      await store.close();
    });
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "failed");
    await store.outbox.ack((await store.outbox.read()).map(({ entryId }) => entryId));
    const client = clientOf(dashboard);
    const retry = { name: "retry", chosen: { jobs: [{ id: "a", version: 2 }] }, to: "waiting" } as const;
    const refused = await client.failure("act", {
      requestId: newRequestId(),
      act: { ...retry, message: { queue: "other", payload: "1" } },
    });
    expect(refused).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
    await client.act(retry);
    expect(await store.outbox.read()).toMatchObject([{ queue: "workers", jobId: "a" }]);
  });

  test("only a final status can be retried, and only allowed transitions are made", async () => {
    const { store, client } = openDashboard();
    await store.create({ title: "One" }, { id: "a" });
    const chosen = { jobs: [{ id: "a", version: 1 }] };
    const retried = await client.act({ name: "retry", chosen, to: "working" });
    expect(retried.outcomes).toMatchObject([{ outcome: "refused", message: expect.stringContaining("not final") }]);
    const moved = await client.act({ name: "move", chosen, to: "done" });
    expect(moved.outcomes).toMatchObject([{ outcome: "refused" }]);
    const same = await client.act({ name: "move", chosen, to: "waiting" });
    expect(same.outcomes).toMatchObject([{ outcome: "refused", message: expect.stringContaining("already") }]);
    expect(await store.get("a")).toMatchObject({ status: "waiting", version: 1 });
  });

  test("a job that has changed, or does not exist any more, stays untouched", async () => {
    const { store, client } = openDashboard();
    await store.create({ title: "One" }, { id: "a" });
    await step(store, "a", "working");
    const jobs = [
      { id: "a", version: 1 },
      { id: "gone", version: 1 },
    ];
    const { outcomes } = await client.act({ name: "move", chosen: { jobs }, to: "failed" });
    expect(outcomes).toMatchObject([
      { id: "a", outcome: "moved" },
      { id: "gone", outcome: "moved" },
    ]);
    const deleted = await client.act({ name: "delete", chosen: { jobs } });
    expect(deleted.outcomes).toMatchObject([{ outcome: "moved" }, { outcome: "done" }]);
    expect(await store.get("a")).toMatchObject({ status: "working", version: 2 });
  });

  test("a job that was deleted and created again is another one, also with the same version", async () => {
    const { store, client } = openDashboard();
    await store.create({ title: "One" }, { id: "a" });
    const [{ createdAt } = expect.fail()] = (await client.call("jobs", {})).items;
    await store.delete("a");
    await store.create({ title: "Two" }, { id: "a" });
    const chosen = { jobs: [{ id: "a", version: 1, createdAt }] };
    for (const action of [
      { name: "move", chosen, to: "failed" },
      { name: "delete", chosen },
    ] as const) {
      expect((await client.act(action)).outcomes).toMatchObject([{ id: "a", outcome: "moved" }]);
    }
    expect(await store.get("a")).toMatchObject({ version: 1, data: { title: "Two" } });
  });

  test("a repeated request acts once, also by another process", async () => {
    const driver = memoryDriver();
    const { store, client } = openDashboard({ driver });
    const other = openDashboard({ driver });
    const failed = await jobIn(store, "failed", "a");
    const message = { queue: "reports", payload: "1" };
    const retry = {
      name: "retry",
      chosen: { jobs: [{ id: "a", version: failed.version }] },
      to: "waiting",
      message,
    } as const;
    const requestId = newRequestId();
    const replies = await Promise.all([
      client.act(retry, requestId),
      client.act(retry, requestId),
      other.client.act(retry, requestId),
    ]);
    await step(store, "a", "working");
    replies.push(await other.client.act(retry, requestId));
    for (const { outcomes } of replies) expect(outcomes).toEqual([{ id: "a", outcome: "done", message: null }]);
    expect(await store.get("a")).toMatchObject({ version: failed.version + 2, attempt: 2 });
    expect(await store.outbox.depth()).toBe(1);
    expect((await client.act(retry)).outcomes).toMatchObject([{ outcome: "moved" }]);
  });

  test("a request id that moved a job is refused for another move of it, also by another process", async () => {
    const driver = memoryDriver();
    const { store, client } = openDashboard({ driver });
    const other = openDashboard({ driver });
    await store.create({ title: "One" }, { id: "a" });
    const requestId = newRequestId();
    const move = { name: "move", chosen: { jobs: [{ id: "a", version: 1 }] }, to: "working" } as const;
    expect((await client.act(move, requestId)).outcomes).toMatchObject([{ outcome: "done" }]);
    const chosen = { jobs: [{ id: "a", version: 2 }] };
    const others = [
      { name: "move", chosen, to: "failed" },
      { name: "move", chosen, to: "working" },
      { ...move, message: { queue: "reports", payload: "1" } },
      { ...move, note: "another note" },
    ] as const;
    for (const act of others) {
      const { outcomes } = await other.client.act(act, requestId);
      expect(outcomes, JSON.stringify(act)).toMatchObject([
        { id: "a", outcome: "refused", message: expect.stringContaining("new request id") },
      ]);
    }
    expect(await store.get("a")).toMatchObject({ status: "working", version: 2 });
    expect((await other.client.act(move, requestId)).outcomes).toMatchObject([{ outcome: "done" }]);
  });

  test("a request id is refused for another action in the same process", async () => {
    const { store, client, actions } = openDashboard();
    await store.create({ title: "One" }, { id: "a" });
    const requestId = newRequestId();
    await client.act({ name: "pause", queue: "reports" }, requestId);
    for (const act of [
      { name: "pause", queue: "others" },
      { name: "resume", queue: "reports" },
      { name: "delete", chosen: { jobs: [{ id: "a", version: 1 }] } },
    ]) {
      const refused = await client.failure("act", { requestId, act });
      expect(refused).toMatchObject({ status: 409, code: "CONFLICT" });
      expect(actions.at(-1)).toMatchObject({ action: act.name, result: "failed" });
    }
    expect(await store.pausedQueues()).toMatchObject([{ queue: "reports" }]);
    expect(await store.get("a")).not.toBeNull();
  });

  test("a request id whose action changed nothing can be used for another one", async () => {
    const { store, client } = openDashboard();
    const requestId = newRequestId();
    expect((await client.act({ name: "resume", queue: "reports" }, requestId)).outcomes).toMatchObject([
      { outcome: "moved" },
    ]);
    await client.act({ name: "pause", queue: "reports" }, requestId);
    expect(await store.pausedQueues()).toMatchObject([{ queue: "reports" }]);
  });

  test("the outcome of a lost reply is unknown, and repeating the request finds it out", async () => {
    const driver = memoryDriver();
    const { store, client } = openDashboard({ driver });
    const failed = await jobIn(store, "failed", "a");
    const retry = { name: "retry", chosen: { jobs: [{ id: "a", version: failed.version }] }, to: "waiting" } as const;
    const requestId = newRequestId();
    driver.faults.loseReplies();
    expect((await client.act(retry, requestId)).outcomes).toMatchObject([{ id: "a", outcome: "unknown" }]);
    expect((await client.act(retry, requestId)).outcomes).toMatchObject([{ id: "a", outcome: "done" }]);
    driver.faults.goAway();
    expect((await client.act(retry)).outcomes).toMatchObject([{ id: "a", outcome: "refused" }]);
  });
});

describe("all jobs that match", () => {
  const failing = async (store: ReturnType<typeof openDashboard>["store"], count: number) => {
    const ids = Array.from({ length: count }, (_, n) => `job-${n}`);
    await store.createMany(ids.map((id, n) => ({ id, data: { title: id, label: n % 2 === 0 ? "red" : "blue" } })));
    await Promise.all(ids.map((id) => step(store, id, "failed")));
    return (await store.counts()).failed;
  };
  const shownNow = async (client: ReturnType<typeof clientOf>) => (await client.call("jobs", { status: "failed" })).now;
  /** Time passes, so that later changes are later than what the page has shown. */
  const nextMillisecond = async () => {
    const now = Date.now();
    await vi.waitUntil(() => Date.now() > now, { interval: 1 });
  };

  test("2,500 jobs are all acted on, in steps of at most 500", async () => {
    const { store, client } = openDashboard();
    const confirmed = await failing(store, 2500);
    const chosen = { filter: { status: "failed" }, shownAt: await shownNow(client), confirmed };
    const outcomes = await client.actOnAll({ name: "retry", chosen, to: "waiting" });
    expect(outcomes).toHaveLength(2500);
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["done"]));
    expect(await store.counts()).toMatchObject({ waiting: 2500, failed: 0 });
  });

  test("a field narrows the filter", async () => {
    const { store, client } = openDashboard();
    await failing(store, 20);
    const filter = { status: "failed", where: { label: "red" } };
    const outcomes = await client.actOnAll({
      name: "delete",
      chosen: { filter, shownAt: await shownNow(client), confirmed: 10 },
    });
    expect(outcomes).toHaveLength(10);
    expect(await store.counts()).toMatchObject({ failed: 10 });
    expect((await store.list({ where: { label: "red" } })).items).toEqual([]);
  });

  test("jobs that entered the status after the view was drawn stay untouched", async () => {
    const { store, client } = openDashboard();
    const confirmed = await failing(store, 10);
    const shownAt = await shownNow(client);
    await nextMillisecond();
    await jobIn(store, "failed", "later");
    const outcomes = await client.actOnAll({
      name: "delete",
      chosen: { filter: { status: "failed" }, shownAt, confirmed },
    });
    expect(outcomes.map(({ id }) => id)).not.toContain("later");
    expect((await store.list()).items).toMatchObject([{ id: "later" }]);
  });

  test("more jobs than the user confirmed are refused, and nothing changes", async () => {
    const { store, client } = openDashboard();
    await failing(store, 10);
    const chosen = { filter: { status: "failed" }, shownAt: await shownNow(client), confirmed: 9 };
    const refused = await client.failure("act", { requestId: newRequestId(), act: { name: "delete", chosen } });
    expect(refused).toMatchObject({ status: 409, code: "CONFLICT" });
    expect(await store.counts()).toMatchObject({ failed: 10 });
  });

  test.each([{}, { status: "" }, { status: "unknown" }, { where: { label: "red" } }])(
    "a filter without a status is refused: %j",
    async (filter) => {
      const { store, client } = openDashboard();
      await failing(store, 2);
      const chosen = { filter, shownAt: await shownNow(client), confirmed: 2 };
      const refused = await client.failure("act", { requestId: newRequestId(), act: { name: "delete", chosen } });
      expect(refused).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
      expect(await store.counts()).toMatchObject({ failed: 2 });
    },
  );

  test("a step that is repeated changes the same jobs once, and no further ones", async () => {
    const { store, client } = openDashboard();
    const confirmed = await failing(store, 1100);
    const chosen = { filter: { status: "failed" }, shownAt: await shownNow(client), confirmed };
    const requestId = newRequestId();
    const first = await client.act({ name: "retry", chosen, to: "waiting" }, requestId);
    expect(first.outcomes).toEqual([]);
    const second = { name: "retry", chosen: { ...chosen, cursor: first.cursor ?? "" }, to: "waiting" } as const;
    const once = await client.act(second, requestId);
    const twice = await client.act(second, requestId);
    expect(once.outcomes).toHaveLength(500);
    expect(twice.outcomes).toEqual(once.outcomes);
    expect(await store.counts()).toMatchObject({ waiting: 500, failed: 600 });
  });

  test("jobs that change between two steps stay untouched and are named", async () => {
    const { store, client } = openDashboard();
    const confirmed = await failing(store, 3);
    const chosen = { filter: { status: "failed" }, shownAt: await shownNow(client), confirmed };
    const first = await client.act({ name: "delete", chosen });
    await step(store, "job-1", "waiting");
    const { outcomes } = await client.act({ name: "delete", chosen: { ...chosen, cursor: first.cursor ?? "" } });
    expect(outcomes).toMatchObject([
      { id: "job-0", outcome: "done" },
      { id: "job-1", outcome: "moved" },
      { id: "job-2", outcome: "done" },
    ]);
    expect(await store.get("job-1")).toMatchObject({ status: "waiting" });
  });

  test("a cursor that is none is refused", async () => {
    const { client } = openDashboard();
    const chosen = { filter: { status: "failed" }, shownAt: new Date().toISOString(), confirmed: 1, cursor: "bm9uZQ" };
    const refused = await client.failure("act", { requestId: newRequestId(), act: { name: "delete", chosen } });
    expect(refused).toMatchObject({ status: 400 });
  });
});

describe("copy", () => {
  test("a job is copied once per request, with its data only", async () => {
    const { store, client } = openDashboard({ by: () => "alice" });
    await jobIn(store, "failed", "a");
    const requestId = newRequestId();
    const message = { queue: "reports", payload: '"{id}"' };
    const { outcomes } = await client.act({ name: "copy", id: "a", message }, requestId);
    expect(await client.act({ name: "copy", id: "a", message }, requestId)).toEqual({ outcomes, cursor: null });
    const [{ id } = { id: "" }] = outcomes;
    expect(await store.get(id)).toMatchObject({ status: "waiting", data: { title: "Quarterly" }, error: null });
    expect(await store.outbox.read()).toMatchObject([{ payload: id }]);
    expect(await store.counts()).toMatchObject({ waiting: 1, failed: 1 });
  });

  test("is not offered without the definition", async () => {
    const driver = memoryDriver();
    const { store } = openDashboard({ driver });
    await store.create({ title: "One" }, { id: "a" });
    const recorded = (await openRecordedStore(driver)) ?? expect.fail();
    const dashboard = createDashboard({ stores: { reports: { store: recorded } }, may: () => true });
    onTestFinished(() => recorded.store.close());
    const client = clientOf(dashboard);
    const [info] = (await client.call("open", {})).stores;
    expect(info?.actions).not.toContain("copy");
    expect(info?.actions).toContain("retry");
    expect(await client.failure("act", { requestId: newRequestId(), act: { name: "copy", id: "a" } })).toMatchObject({
      status: 400,
    });
  });
});

describe("outbox and queues", () => {
  test("rejected messages are requeued or dropped, and waiting ones are not", async () => {
    const { store, client } = openDashboard();
    const outbox = ["one", "two", "three"].map((queue) => ({ queue, payload: 1 }));
    await store.create({ title: "One" }, { id: "a", outbox });
    const [one, two, three] = (await store.outbox.read()).map(({ entryId }) => entryId) as [string, string, string];
    await store.outbox.reject([one, two], "no such queue");
    const dropped = await client.act({ name: "drop", entryIds: [one, three] });
    expect(dropped.outcomes).toMatchObject([{ outcome: "done" }, { outcome: "moved" }]);
    expect(await store.outbox.depth()).toBe(1);
    expect((await client.act({ name: "requeue", entryIds: [two] })).outcomes).toMatchObject([{ outcome: "done" }]);
    expect(await store.outbox.depth()).toBe(2);
    expect(await store.outbox.countRejected()).toBe(0);
  });

  test("a message that was rejected again is not requeued by a repeated request, also by another process", async () => {
    const driver = memoryDriver();
    const { store, client } = openDashboard({ driver });
    const other = openDashboard({ driver });
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "one", payload: 1 }] });
    const reject = async () => {
      const entryIds = (await store.outbox.read()).map(({ entryId }) => entryId);
      await store.outbox.reject(entryIds, "no such queue");
      return entryIds;
    };
    const requeue = { name: "requeue", entryIds: await reject() } as const;
    const requestId = newRequestId();
    const first = await client.act(requeue, requestId);
    expect(first.outcomes).toMatchObject([{ outcome: "done" }]);
    await reject();
    expect(await client.act(requeue, requestId)).toEqual(first);
    expect((await other.client.act(requeue, requestId)).outcomes).toMatchObject([{ outcome: "moved" }]);
    expect(await store.outbox.countRejected()).toBe(1);
  });

  test("a request that is repeated after a lost reply of the store is performed again", async () => {
    const driver = memoryDriver();
    const { store, client } = openDashboard({ driver });
    const requestId = newRequestId();
    driver.faults.goAway();
    const pause = { name: "pause", queue: "reports" } as const;
    expect((await client.act(pause, requestId)).outcomes).toMatchObject([{ outcome: "refused" }]);
    driver.faults.comeBack();
    expect((await client.act(pause, requestId)).outcomes).toMatchObject([{ outcome: "done" }]);
    await store.resumeQueue("reports");
    expect((await client.act(pause, requestId)).outcomes).toMatchObject([{ outcome: "done" }]);
    expect(await store.pausedQueues()).toEqual([]);
  });

  test("a scheduled message is sent now, later or never", async () => {
    const { store, client } = openDashboard();
    const outbox = ["one", "two", "three"].map((queue) => ({ queue, payload: 1, delayMs: 3_600_000 }));
    await store.create({ title: "One" }, { id: "a", outbox });
    const entries = (await client.call("outbox", { kind: "scheduled" })).entries;
    const [one, two, three] = entries.map(({ entryId }) => entryId) as [string, string, string];
    const at = new Date(Date.now() + 7_200_000).toISOString();
    expect((await client.act({ name: "run-now", entryIds: [one] })).outcomes).toMatchObject([{ outcome: "done" }]);
    expect((await client.act({ name: "run-now", entryIds: [one] })).outcomes).toMatchObject([{ outcome: "moved" }]);
    expect((await client.act({ name: "reschedule", entryIds: [two], at })).outcomes).toMatchObject([
      { outcome: "done" },
    ]);
    expect((await client.act({ name: "cancel", entryIds: [three] })).outcomes).toMatchObject([{ outcome: "done" }]);
    const left = await client.call("outbox", { kind: "scheduled" });
    expect(left.entries).toMatchObject([{ dueAt: at }]);
    expect(left.counts).toMatchObject({ waiting: 1, scheduled: 1, rejected: 0 });
  });

  test("a queue is paused with a reason and an author, and resumed", async () => {
    const { store, client } = openDashboard({ by: () => "alice" });
    await client.act({ name: "pause", queue: "reports", reason: "429" });
    expect(await store.pausedQueues()).toMatchObject([{ queue: "reports", reason: "429", by: "alice", until: null }]);
    expect((await client.call("workers", {})).paused).toMatchObject([{ queue: "reports" }]);
    expect((await client.act({ name: "resume", queue: "reports" })).outcomes).toMatchObject([{ outcome: "done" }]);
    expect((await client.act({ name: "resume", queue: "reports" })).outcomes).toMatchObject([{ outcome: "moved" }]);
  });
});
