import { expect } from "vitest";
import { WITHOUT_JOB } from "../store/option-keys.js";
import type { Context } from "./context.js";
import { jobIn, step } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";
import {
  claim,
  claimed,
  createClaimed,
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

/** Message that a test has received. */
type Received = ReturnType<typeof received>;

export function handledMessages({ test }: Context): void {
  test("the message of the claim is handled, in every status", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    const checking = await store.updateStatus(job, "checking", { handled: true });
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    expect(await store.get("a")).toEqual(checking);
    await step(store, "a", "working");
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    await claimed(store, "a", direct("m-2"));
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    await step(store, "a", "done");
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    expect(await take(store)).toEqual([]);
  });

  test("a change whose caller does not read the job is made once, and has the same conditions", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    const change = { result: { url: "x" }, handled: true, [WITHOUT_JOB]: true } as const;
    expect(await store.updateStatus(job, "checking", { ...change, key: "first" })).toBeNull();
    expect(await store.updateStatus(job, "checking", { ...change, key: "first" })).toBeNull();
    expect(await store.get("a")).toMatchObject({ status: "checking", version: 3, result: { url: "x" } });
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    await expectRefusal(store.updateStatus(job, "done", { ...change, key: "second" }), "CONFLICT");
  });

  test("without `handled`, the message can claim the job again", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "checking");
    await claimed(store, "a", message);
  });

  test("all messages of the queue that were stored up to the claim are handled", async ({ store }) => {
    const first = await createRequested(store, "a", "reports", "reports");
    await store.updateStatus("a", "working", { outbox: [{ queue: "reports", payload: 1 }] });
    const second = (await take(store)).map(received);
    const { job, origin } = await claimed(store, "a", second[0]);
    await store.updateStatus(job, "checking", { handled: true });
    for (const message of [...first, ...second, { ...direct(), origin }]) {
      expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    }
    await claimed(store, "a", direct("m-2"));
  });

  test("a message of another queue is not handled", async ({ store }) => {
    const [mine, other] = await createRequested(store, "a", "reports", "others");
    const { job } = await claimed(store, "a", mine);
    await store.updateStatus(job, "checking", { handled: true });
    await claimed(store, "a", other);
  });

  test("a message that the outcome itself stores is not handled", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "checking", { handled: true, outbox: [{ queue: "reports", payload: 1 }] });
    await claimed(store, "a", received(await takeOne(store)));
  });

  test("a message that became due after the claim is not handled", async ({ store }) => {
    const [message, delayed] = await createRequested(store, "a", "reports", "reports");
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "checking", { handled: true });
    const at = job.statusAt.getTime();
    expect(await claim(store, "a", dueAt(delayed as Received, at))).toEqual({ kind: "handled" });
    await claimed(store, "a", dueAt(delayed as Received, at + 1));
  });

  test("the origin of a delayed message has its due time", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1, delayMs: SHORT }];
    const { job: created } = await store.create({ title: "One" }, { id: "a", outbox });
    const { job } = await claimed(store, "a", direct());
    await store.updateStatus(job, "checking", { handled: true });
    const delayed = received(await takeOne(store));
    expect(delayed).toEqual(dueAt(delayed, created.createdAt.getTime() + SHORT));
    // It is handled only if a slow machine made the claim after the due time.
    const isLate = job.statusAt.getTime() >= created.createdAt.getTime() + SHORT;
    expect((await claim(store, "a", delayed)).kind).toBe(isLate ? "handled" : "claimed");
  });

  test("a retry with `handled` makes copies handled, but not the message that is sent again", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "working", { leaseMs: SHORT, failedAttempt: true, handled: true });
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    const again = await takeOne(store);
    expect(again).toMatchObject({ id: message?.id });
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    expect(await claimed(store, "a", received(again))).toMatchObject({ failedAttempts: 1 });
  });

  test("a change from a status without leases can mark the messages, by id and by snapshot", async ({ store }) => {
    for (const bySnapshot of [false, true]) {
      const id = `snapshot-${bySnapshot}`;
      const [message] = await createRequested(store, id, "reports");
      const { job } = await claimed(store, id, message);
      const checking = await store.updateStatus(job, "checking");
      await step(store, bySnapshot ? checking : id, "working", { handled: true });
      expect(await claim(store, id, message)).toEqual({ kind: "handled" });
    }
  });

  test("`handled` has no effect on a job that was not claimed in this run", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    await store.updateStatus("a", "working", { handled: true });
    await claimed(store, "a", message);
    await step(store, "a", "failed");
    await step(store, "a", "waiting");
    expect(await store.updateStatus("a", "working", { handled: true })).toMatchObject({ version: 6 });
    await claimed(store, "a", direct());
  });

  test("a new run clears the marks, and the ids of messages without an origin", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.updateStatus(job, "failed", { handled: true });
    expect(await claim(store, "a", direct())).toEqual({ kind: "handled" });
    await step(store, "a", "waiting");
    await claimed(store, "a", direct());
  });

  test("marks of 16 queues are kept, the newest", async ({ store }) => {
    const queues = Array.from({ length: 17 }, (_, n) => `queue-${n}`);
    const messages = await createRequested(store, "a", ...queues);
    const handle = async (message: Received | undefined) => {
      const { job } = await claimed(store, "a", message);
      await store.updateStatus(job, "checking", { handled: true });
    };
    // The mark of the first queue is renewed, so that of the second one is the oldest.
    for (const message of messages.slice(0, 16)) await handle(message);
    await handle({ ...direct(), queue: "queue-0" });
    await handle(messages[16]);
    for (const n of [0, 2, 15, 16]) expect(await claim(store, "a", messages[n])).toEqual({ kind: "handled" });
    await claimed(store, "a", messages[1]);
  });

  for (const historyLimit of [0, 1]) {
    test(`historyLimit ${historyLimit}: the rules do not need the history`, async ({ stores }) => {
      const store = stores.open({ historyLimit });
      const [message] = await createRequested(store, "a", "reports");
      const { job } = await claimed(store, "a", message);
      await store.updateStatus(job, "checking", { handled: true });
      for (let n = 0; n < 5; n++) await step(store, "a", "working");
      expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
      await step(store, "a", "failed");
      await step(store, "a", "waiting");
      expect(await claim(store, "a", message)).toEqual({ kind: "outdated" });
      await claimed(store, "a", direct(), { leaseMs: SHORT });
      expect(await takeOne(store)).toMatchObject(direct());
    });
  }
}

export function messagesWithoutOrigin({ test }: Context): void {
  test("a copy is handled after the outcome", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.updateStatus(job, "checking", { handled: true });
    expect(await claim(store, "a", direct())).toEqual({ kind: "handled" });
    const second = await claimed(store, "a", direct("m-2"));
    await store.updateStatus(second.job, "checking", { handled: true });
    for (const id of ["m-1", "m-2"]) expect(await claim(store, "a", direct(id))).toEqual({ kind: "handled" });
  });

  test("a copy of the message that is sent again is handled with it", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.renewLeases([job], 0);
    const again = await claimed(store, "a", received(await takeOne(store)));
    await store.updateStatus(again.job, "checking", { handled: true });
    expect(await claim(store, "a", direct())).toEqual({ kind: "handled" });
  });

  test("the ids of the last eight are kept", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (let n = 0; n < 9; n++) {
      const { job } = await claimed(store, "a", direct(`m-${n}`));
      await store.updateStatus(job, "checking", { handled: true });
    }
    for (let n = 1; n < 9; n++) expect(await claim(store, "a", direct(`m-${n}`))).toEqual({ kind: "handled" });
    await claimed(store, "a", direct("m-0"));
  });

  test("a remembered one counts as stored at the version at which it arrived", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
    // The message arrived before this outcome was stored, but the claim does not answer it.
    await store.updateStatus(job, "checking", { handled: true });
    const sent = received(await takeOne(store));
    expect(sent.id).toBe("m-2");
    const { job: next } = await claimed(store, "a", sent);
    await store.updateStatus(next, "checking", { handled: true });
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "handled" });
  });
}

export function rememberedMessages({ test }: Context): void {
  test("messages that the claim covers are not remembered", async ({ store }) => {
    const messages = await createRequested(store, "a", "reports", "reports");
    const { job } = await claimed(store, "a", messages[0]);
    const before = await view(store);
    for (const message of messages) expect(await claim(store, "a", message)).toEqual({ kind: "leased" });
    expect(await view(store)).toEqual(before);
    await store.updateStatus(job, "checking");
    expect(await take(store)).toEqual([]);
    // The same for a message without an origin.
    const { job: again } = await claimed(store, "a", direct());
    expect(await claim(store, "a", direct())).toEqual({ kind: "leased" });
    await store.updateStatus(again, "checking");
    expect(await take(store)).toEqual([]);
  });

  test("a copy of the claim's own message is covered, also after eight others arrived", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    for (let n = 2; n <= 9; n++) expect(await claim(store, "a", direct(`m-${n}`))).toEqual({ kind: "leased" });
    expect(await claim(store, "a", direct())).toEqual({ kind: "leased" });
    await store.updateStatus(job, "checking", { handled: true });
    expect((await take(store)).map(({ id }) => id)).toEqual(["m-9"]);
  });

  test("a message that became due after the claim is remembered", async ({ store }) => {
    const [message, delayed] = await createRequested(store, "a", "reports", "reports");
    const { job } = await claimed(store, "a", message);
    const at = job.statusAt.getTime();
    expect(await claim(store, "a", dueAt(delayed as Received, at))).toEqual({ kind: "leased" });
    const checking = await store.updateStatus(job, "checking", { handled: true });
    expect(await take(store)).toEqual([]);
    const second = await claimed(store, "a", direct());
    const late = dueAt(delayed as Received, second.job.statusAt.getTime() + 1);
    expect(await claim(store, "a", late)).toEqual({ kind: "leased" });
    await step(store, second.job, "checking", { handled: true });
    // It is sent without a delay, with the version of the change.
    const sent = received(await takeOne(store));
    expect(sent).toMatchObject({ id: delayed?.id, payload: delayed?.payload });
    expect(sent).toEqual(dueAt(sent, 0));
    expect((await claimed(store, "a", sent)).job.version).toBe(checking.version + 3);
  });

  test("the newest message of each queue is sent when the job changes to another status", async ({ store }) => {
    const [mine, other] = await createRequested(store, "a", "reports", "others");
    const { job } = await claimed(store, "a", mine);
    const late = [direct("m-1"), direct("m-2"), other as Received];
    for (const message of late) expect(await claim(store, "a", message)).toEqual({ kind: "leased" });
    expect((await store.get("a"))?.version).toBe(job.version);
    const outbox = [{ queue: "more", payload: 1 }];
    await store.updateStatus(job, "checking", { handled: true, outbox });
    const sent = await take(store);
    const byQueue = new Map(sent.map((entry) => [entry.queue, entry]));
    expect([...byQueue.keys()].sort()).toEqual(["more", "others", "reports"]);
    expect(byQueue.get("reports")).toMatchObject({ ...direct("m-2"), jobId: "a" });
    expect(byQueue.get("others")).toMatchObject({ id: other?.id, payload: other?.payload });
    expect(byQueue.get("others")?.origin).not.toBe(other?.origin);
    // They have the version of the change, so they are not handled.
    for (const queue of ["reports", "others"]) {
      const { job: next } = await claimed(store, "a", received(byQueue.get(queue) as NonNullable<(typeof sent)[0]>));
      await store.updateStatus(next, "checking", { handled: true });
    }
    expect(await take(store)).toEqual([]);
  });

  test("a change to a final status sends nothing, also later", async ({ store }) => {
    for (const to of ["done", "failed"] as const) {
      const { job } = await createClaimed(store, to);
      await claim(store, to, direct("m-2"));
      await step(store, job, to);
    }
    await step(store, "failed", "waiting");
    await step(store, "failed", "working");
    expect(await take(store)).toEqual([]);
  });

  test("the next claim for the queue answers it", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await claim(store, "a", direct("m-2"));
    await store.renewLeases([job], 0);
    const { job: next } = await claimed(store, "a", received(await takeOne(store)));
    await store.updateStatus(next, "checking", { handled: true });
    expect(await take(store)).toEqual([]);
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "handled" });
  });

  test("a claim for another queue, and a change to the same status, keep it", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await claim(store, "a", direct("m-2"));
    await store.updateStatus(job, "working", { leaseMs: SHORT });
    expect(await takeOne(store)).toMatchObject(direct());
    const { job: next } = await claimed(store, "a", direct("o-1", "others"));
    await take(store);
    await step(store, next, "working");
    expect(await take(store)).toEqual([]);
    await step(store, "a", "checking");
    expect(await takeOne(store)).toMatchObject(direct("m-2"));
  });

  test("a message that arrives during a retry is remembered, and one that the claim covers is not", async ({
    store,
  }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    const outbox = [{ queue: "reports", payload: "later" }];
    const waiting = await store.updateStatus(job, "working", { leaseMs: MINUTE, outbox });
    const later = received(await takeOne(store));
    for (const one of [message, later]) expect(await claim(store, "a", one)).toEqual({ kind: "leased" });
    await store.updateStatus(waiting, "checking");
    expect(await takeOne(store)).toMatchObject({ payload: "later" });
  });

  test("a deleted job forgets them", async ({ store }) => {
    await createClaimed(store, "a");
    await claim(store, "a", direct("m-2"));
    await store.delete("a");
    await jobIn(store, "checking", "a");
    expect(await take(store)).toEqual([]);
  });

  test("a claim for another queue sends the stored message first, with the origin that it had", async ({ store }) => {
    const first = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    const second = await claimed(store, "a", direct("o-1", "others"));
    expect(await take(store)).toMatchObject([{ ...direct(), origin: first.origin }]);
    expect(await claim(store, "a", { ...direct(), origin: first.origin })).toEqual({ kind: "leased" });
    await store.updateStatus(second.job, "checking", { handled: true });
    expect(await takeOne(store)).toMatchObject(direct());
  });

  test("stored and remembered messages do not count towards `maxRecordBytes`", async ({ stores }) => {
    const store = stores.open({ maxRecordBytes: 1024 });
    const large = (id: string, queue?: string) => ({ ...direct(id, queue), payload: "x".repeat(1_000_000) });
    const { job } = await createClaimed(store, "a", large("m-1"));
    for (const [id, queue] of [
      ["o-1", "others"],
      ["o-2", "more"],
    ] as const) {
      expect(await claim(store, "a", large(id, queue))).toEqual({ kind: "leased" });
    }
    await store.updateStatus(job, "checking");
    expect((await take(store)).map(({ id }) => id).sort()).toEqual(["o-1", "o-2"]);
  });

  test("the messages of one job have at most 4 MiB, and the oldest remembered one is dropped", async ({ store }) => {
    const large = (id: string, queue: string) => ({ ...direct(id, queue), payload: "x".repeat(1_500_000) });
    const { job } = await createClaimed(store, "a", large("m-1", "reports"));
    for (const [id, queue] of [
      ["o-1", "others"],
      ["o-2", "more"],
    ] as const) {
      expect(await claim(store, "a", large(id, queue))).toEqual({ kind: "leased" });
    }
    await store.updateStatus(job, "checking");
    expect((await take(store)).map(({ id }) => id)).toEqual(["o-2"]);
  });
}
