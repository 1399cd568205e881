import { expect } from "vitest";
import type { FailRequestOptions, FailRequestResult, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { type Report, step } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";
import {
  claim,
  claimed,
  createRequested,
  direct,
  dueAt,
  leaseOver,
  MINUTE,
  received,
  SHORT,
  take,
  takeOne,
} from "./requests.js";

/** Fails the job that a message requested. */
function fail(
  store: JobStore<Report>,
  id: string,
  { queue, id: messageId, origin }: Partial<ReturnType<typeof received>> = {},
  options: Partial<FailRequestOptions<Report>> = {},
  to: "failed" | "checking" = "failed",
): Promise<FailRequestResult<Report>> {
  return store.failRequest(id, to, {
    from: ["waiting", "checking"],
    working: "working",
    message: { queue: queue ?? "reports", id: messageId ?? "m-1", origin },
    error: { message: "the payload cannot be read", code: "INVALID_PAYLOAD" },
    ...options,
  });
}

export function failRequest({ test }: Context): void {
  for (const status of ["waiting", "checking", "working"] as const) {
    test(`a job in ${status} fails in two changes of one step`, async ({ store, stores }) => {
      const [message] = await createRequested(store, "a", "reports");
      const before = { waiting: [], checking: ["working", "checking"], working: ["working"] } as const;
      for (const to of before[status]) await step(store, "a", to, { progress: { done: 1 } });
      const stored = await store.get("a");
      const version = stored?.version ?? 0;
      const answer = await fail(stores.openApart(), "a", message, { by: "worker-1", note: "no JSON" });
      const job = answer.kind === "failed" ? answer.job : expect.fail(answer.kind);
      const at = job.statusAt;
      expect(job).toEqual({
        ...stored,
        status: "failed",
        version: version + 2,
        error: { message: "the payload cannot be read", code: "INVALID_PAYLOAD" },
        updatedAt: at,
        statusAt: expect.any(Date),
        expiresAt: new Date(at.getTime() + 7_200_000),
        history: [
          ...(stored?.history ?? []),
          { from: status, to: "working", at: expect.any(Date), version: version + 1, by: "worker-1" },
          { from: "working", to: "failed", at, version: version + 2, by: "worker-1", note: "no JSON" },
        ],
      });
      expect(await store.get("a")).toEqual(job);
      expect(await store.counts()).toMatchObject({ waiting: 0, working: 0, checking: 0, failed: 1 });
      expect((await store.list({ status: "failed" })).items).toEqual([job]);
      // A repeated call after a lost reply.
      expect(await fail(store, "a", message)).toEqual({ kind: "moved" });
      expect(await store.get("a")).toEqual(job);
      expect(await take(store)).toEqual([]);
    });
  }

  test("both changes are events", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const events: string[] = [];
    for await (const event of store.watch("a")) {
      if (event.type === "snapshot") await fail(store, "a", message);
      if (event.type === "status") events.push(`${event.version} ${event.from} → ${event.to}`);
      if (events.length === 2) break;
    }
    expect(events).toEqual(["2 waiting → working", "3 working → failed"]);
  });

  test("a job that does not exist is missing", async ({ store }) => {
    expect(await fail(store, "a")).toEqual({ kind: "missing" });
  });

  test("a message without an origin of this job is outdated, and so is one of an earlier run", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const [ofOther] = await createRequested(store, "b", "reports");
    const before = await view(store);
    for (const one of [direct(), { ...direct(), origin: "garbage" }, ofOther]) {
      expect(await fail(store, "a", one)).toEqual({ kind: "outdated" });
    }
    expect(await view(store)).toEqual(before);
    await step(store, "a", "failed");
    await step(store, "a", "waiting");
    expect(await fail(store, "a", message, { from: [] })).toEqual({ kind: "outdated" });
    // The id of a message without an origin is known after its claim, but that is no origin.
    await claimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    expect(await fail(store, "a", direct())).toEqual({ kind: "outdated" });
  });

  test("a message is handled if its queue claimed the job after it", async ({ store }) => {
    const [message, other] = await createRequested(store, "a", "reports", "others");
    const { job } = await claimed(store, "a", message);
    for (const from of [[], ["checking"]] as const) {
      expect(await fail(store, "a", message, { from })).toEqual({ kind: "handled" });
    }
    expect(await fail(store, "a", other)).toEqual({ kind: "leased" });
    await store.updateStatus(job, "checking");
    expect(await fail(store, "a", message, { from: [] })).toEqual({ kind: "handled" });
    expect(await fail(store, "a", other, { from: [] })).toEqual({ kind: "moved" });
    expect(await fail(store, "a", other)).toMatchObject({ kind: "failed" });
  });

  test("a message is handled if a newer one of its queue was stored for the job", async ({ store }) => {
    const [message, copy] = await createRequested(store, "a", "reports", "reports");
    await store.updateStatus("a", "working", { outbox: [{ queue: "others", payload: 1 }] });
    await store.updateStatus("a", "checking", { outbox: [{ queue: "reports", payload: 1 }] });
    for (const one of [message, copy]) expect(await fail(store, "a", one)).toEqual({ kind: "handled" });
    const [, newer] = await take(store);
    expect(await fail(store, "a", received(newer as NonNullable<typeof newer>))).toMatchObject({ kind: "failed" });
  });

  test("a claim is newer only if the message was due then", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", direct());
    await store.renewLeases([job], 0);
    const at = job.statusAt.getTime();
    const delayed = (time: number) => dueAt(message as ReturnType<typeof direct>, time);
    expect(await fail(store, "a", delayed(at))).toEqual({ kind: "handled" });
    expect(await fail(store, "a", delayed(at + 1))).toMatchObject({ kind: "failed" });
  });

  test("a message that becomes due later is newer, and so is one that no claim has followed", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const outbox = [{ queue: "reports", payload: 1, delayMs: MINUTE }];
    const moved = await store.updateStatus("a", "working", { outbox });
    const at = moved.statusAt.getTime() + MINUTE;
    const delayed = (time: number) => dueAt(message as ReturnType<typeof direct>, time);
    for (const time of [0, at, at + 1]) {
      expect(await fail(store, "a", delayed(time))).toEqual({ kind: "handled" });
    }
    const { job } = await claimed(store, "a", direct());
    await store.renewLeases([job], 0);
    expect(await fail(store, "a", delayed(at))).toEqual({ kind: "handled" });
    expect(await fail(store, "a", delayed(at + 1))).toMatchObject({ kind: "failed" });
  });

  test("a status that is not final: remembered messages are sent, and failed attempts begin at 0", async ({
    store,
  }) => {
    const [message, other] = await createRequested(store, "a", "reports", "others");
    const { job } = await claimed(store, "a", direct());
    const failed = await store.updateStatus(job, "working", { failedAttempt: true, leaseMs: MINUTE });
    expect(await claim(store, "a", other)).toEqual({ kind: "leased" });
    await store.renewLeases([failed], 0);
    const again = received(await takeOne(store));
    expect(await fail(store, "a", again, { from: ["waiting"] }, "checking")).toMatchObject({ kind: "failed" });
    const sent = received(await takeOne(store));
    expect(sent).toMatchObject({ queue: "others", id: other?.id });
    expect(await claimed(store, "a", sent)).toMatchObject({ failedAttempts: 0, expiredLeases: 0 });
    expect(await claim(store, "a", message)).toEqual({ kind: "leased" });
  });

  test("another message of the same change is not newer", async ({ store }) => {
    const [first] = await createRequested(store, "a", "reports", "reports");
    expect(await fail(store, "a", first)).toMatchObject({ kind: "failed" });
  });

  test("the message that was sent again when a lease ended fails the job", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    await claimed(store, "a", message, { leaseMs: SHORT });
    const again = received(await takeOne(store));
    expect(await fail(store, "a", message)).toEqual({ kind: "handled" });
    expect(await fail(store, "a", again)).toMatchObject({ kind: "failed", job: { version: 4 } });
  });

  test("a job with a lease is leased, and nothing is remembered", async ({ store }) => {
    const [other] = await createRequested(store, "a", "others");
    const { job } = await claimed(store, "a", direct());
    expect(await fail(store, "a", other)).toEqual({ kind: "leased" });
    expect(await store.get("a")).toEqual(job);
    await store.updateStatus(job, "checking");
    expect(await take(store)).toEqual([]);
  });

  test("the lease of a job is over at its time", async ({ store }) => {
    const [other] = await createRequested(store, "a", "others");
    await claimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    expect(await fail(store, "a", other)).toMatchObject({ kind: "failed" });
    expect(await take(store)).toEqual([]);
  });

  test("a job in another status has moved", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    expect(await fail(store, "a", message, { from: ["checking"] })).toEqual({ kind: "moved" });
    for (const to of ["working", "done"] as const) await step(store, "a", to);
    const job = await store.get("a");
    expect(await fail(store, "a", message)).toEqual({ kind: "moved" });
    expect(await store.get("a")).toEqual(job);
  });

  test("the failed job can be requested again", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    await fail(store, "a", message);
    expect(await step(store, "a", "waiting")).toMatchObject({ attempt: 2, error: null });
    expect(await claim(store, "a", message)).toEqual({ kind: "outdated" });
    await claimed(store, "a");
  });

  test("an unreadable record is UNREADABLE_RECORD", async ({ store, underTest, skip }) => {
    if (underTest.corrupt === undefined) return skip("the storage cannot have an unreadable record");
    const [message] = await createRequested(store, "a", "reports");
    await underTest.corrupt("a");
    await expectRefusal(fail(store, "a", message), "UNREADABLE_RECORD", { jobId: "a" });
  });

  test("jobs of concurrent calls fail once", async ({ store, stores }) => {
    const [message] = await createRequested(store, "a", "reports");
    const other = stores.openApart();
    const answers = await Promise.all([store, other, store, other].map((one) => fail(one, "a", message)));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(["failed", "moved", "moved", "moved"]);
    expect((await store.get("a"))?.version).toBe(3);
  });
}
