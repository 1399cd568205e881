import { describe, expect, test } from "vitest";
import { environment, lines, openPlace, redis } from "./cli-place.js";
import { runHere } from "./run-cli.js";

describe.skipIf(redis.url === null)(redis.title("Commands of the outbox"), () => {
  /** Opens a store with one message that waits, and `rejected` messages of a queue that the relay does not know. */
  async function openWithRejected(rejected = 2) {
    const place = await openPlace();
    const { store } = place;
    const wrong = Array.from({ length: rejected }, (_, n) => ({ queue: "app.reports", payload: { n } }));
    await store.updateStatus("a", "working", { outbox: [...wrong, { queue: "reports", payload: { n: -1 } }] });
    const entries = await store.outbox.read({ limit: rejected, claimMs: 1 });
    await store.outbox.reject(
      entries.map(({ entryId }) => entryId),
      'No queue "app.reports".',
    );
    return { ...place, entries };
  }

  test("prints the numbers of waiting, scheduled and rejected messages, and the age of the oldest one that waits", async () => {
    const { run, store } = await openPlace();
    const message = { queue: "reports", payload: 1 };
    const delayed = { ...message, delayMs: 3_600_000 };
    const empty = await run(["outbox"]);
    expect(empty).toMatchObject({ code: 0, err: "" });
    expect(lines(empty.out)).toEqual([{ waiting: 0, oldest: null, scheduled: 0, rejected: 0 }]);
    await store.updateStatus("a", "working", { outbox: [message, delayed] });
    const oldest = (await store.outbox.oldest())?.toISOString();
    expect(lines((await run(["outbox"])).out)).toEqual([{ waiting: 1, oldest, scheduled: 1, rejected: 0 }]);
    const { out } = await run(["outbox", "--output", "table"]);
    expect(out).toMatch(
      /^waiting +oldest +for +scheduled +rejected\n1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +\d+ s +1 +0\n$/,
    );
  });

  test("lists the rejected entries with their reasons, and health warns of them", async () => {
    const { run, entries } = await openWithRejected();
    const summary = await run(["outbox"]);
    expect(lines(summary.out)).toMatchObject([{ waiting: 1, rejected: 2 }]);
    expect(summary.err).toBe("2 messages rejected. See the reasons with: outbox --rejected\n");
    const listed = await run(["outbox", "--rejected"]);
    expect(lines(listed.out)).toEqual(
      entries.map((entry) => ({ ...entry, at: entry.at.toISOString(), reason: 'No queue "app.reports".' })),
    );
    expect(listed.err).toMatch(
      /after the relay was fixed: outbox requeue <entry>.* outbox drop <entry>, then set-status <id>/,
    );
    const table = await run(["outbox", "--rejected", "--output", "table"]);
    expect(table.out).toMatch(
      /^entry +stored +job +queue +reason\n\d+-\d+ +.* +a +app\.reports +No queue "app\.reports"\.\n/,
    );
    const health = await run(["health"]);
    expect(health.code).toBe(0);
    const warning = expect.stringMatching(/^2 outbox messages were rejected.* outbox --rejected/);
    expect(lines(health.out)).toMatchObject([{ status: "healthy", warnings: expect.arrayContaining([warning]) }]);
  });

  test("requeue requeues only the given entries", async () => {
    const { run, store, entries } = await openWithRejected();
    const [first, second] = entries.map(({ entryId }) => entryId);
    const one = await run(["outbox", "requeue", second ?? "", "1-1"]);
    expect(one.code).toBe(1);
    expect(one.err).toBe(
      "No rejected message 1-1 found.\nA message that a relay still cannot publish is rejected again. Check with: outbox --rejected\n",
    );
    expect(lines(one.out)).toEqual([{ entryId: second, jobId: "a", requeued: true }]);
    expect((await store.outbox.rejected()).map(({ entryId }) => entryId)).toEqual([first]);
    expect((await store.outbox.read()).map(({ id }) => id)).toEqual(["a.2.2", "a.2.1"]);
  });

  test("drop removes rejected entries after a confirmation, and never entries that wait", async () => {
    const { run, store, entries, prefix } = await openWithRejected();
    const [first = "", second = ""] = entries.map(({ entryId }) => entryId);
    const [waiting] = await store.outbox.read({ claimMs: 1 });
    const asked = await runHere(["outbox", "drop", first], environment(prefix), { input: "n\n", isTTY: true });
    expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("Drop 1 message permanently?") });
    expect(await run(["outbox", "drop", first])).toMatchObject({ code: 2, err: expect.stringContaining("Add --yes") });
    expect(await store.outbox.countRejected()).toBe(2);
    const dropped = await run(["outbox", "drop", first, waiting?.entryId ?? "", "--yes"]);
    expect(dropped).toMatchObject({ code: 1, err: `No rejected message ${waiting?.entryId} found.\n` });
    expect(lines(dropped.out)).toEqual([{ entryId: first, jobId: "a", dropped: true }]);
    expect((await store.outbox.rejected()).map(({ entryId }) => entryId)).toEqual([second]);
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.get("a")).toMatchObject({ status: "working", version: 2 });
  });

  test("--all applies to every rejected entry on all pages, after a confirmation", async () => {
    const { run, store } = await openWithRejected(1000);
    await store.updateStatus("a", "working", { outbox: [{ queue: "other", payload: null }] });
    const [, last] = await store.outbox.read();
    await store.outbox.reject([last?.entryId ?? ""], "No.");
    expect((await run(["outbox", "--rejected"])).err).toContain("Only the oldest 1000 of 1001 are shown.");
    const unasked = await run(["outbox", "requeue", "--all"]);
    expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining("Requeue 1001 messages?") });
    const requeued = await run(["outbox", "requeue", "--all", "--yes"]);
    expect(requeued).toMatchObject({ code: 0, err: expect.stringMatching(/^A message that a relay .*\n$/) });
    expect(lines(requeued.out)).toHaveLength(1001);
    expect([await store.outbox.countRejected(), await store.outbox.depth()]).toEqual([0, 1002]);
    expect(await run(["outbox", "drop", "--all"])).toEqual({ code: 0, out: "", err: "" });
  });

  /** Opens a store with scheduled messages of job "a", and returns their entry ids. */
  async function openWithScheduled(count: number) {
    const place = await openPlace();
    const outbox = Array.from({ length: count }, (_, n) => ({
      queue: "reports",
      payload: { n },
      delayMs: 3_600_000 + n,
    }));
    await place.store.updateStatus("a", "working", { outbox: [...outbox, { queue: "reports", payload: null }] });
    const { entries } = await place.store.outbox.list({ kind: "scheduled" });
    return { ...place, entries, ids: entries.map(({ entryId }) => entryId) };
  }

  test("--kind lists messages on pages, as the store does, and claims none", async () => {
    const { run, store, entries } = await openWithScheduled(3);
    const first = await run(["outbox", "--kind", "scheduled", "--limit", "2"]);
    expect(lines(first.out)).toEqual(JSON.parse(JSON.stringify(entries.slice(0, 2))));
    const [, cursor = ""] =
      /^There are more messages\. Add --cursor (\S+) for the next page, or --all\.\n$/.exec(first.err) ?? [];
    const rest = await run(["outbox", "--kind", "scheduled", "--cursor", cursor]);
    expect(rest).toMatchObject({ code: 0, err: "" });
    expect(lines(rest.out)).toEqual(JSON.parse(JSON.stringify(entries.slice(2))));
    expect(lines((await run(["outbox", "--kind", "scheduled", "--all"])).out)).toHaveLength(3);
    const { out } = await run(["outbox", "--kind", "waiting", "--output", "table"]);
    expect(out).toMatch(/^entry +job +queue +since +claimed\n\d+-\d+ +a +reports +\d{4}-\S+ \S+ +false\n$/);
    expect(lines((await run(["outbox", "--kind", "rejected"])).out)).toEqual([]);
    expect(await store.outbox.read()).toHaveLength(1);
  });

  test("run-now makes scheduled messages due", async () => {
    const { run, store, ids } = await openWithScheduled(2);
    await store.outbox.ack((await store.outbox.read()).map(({ entryId }) => entryId));
    const [first = ""] = ids;
    const ended = await run(["outbox", "run-now", first, "1-1"]);
    expect(ended).toMatchObject({ code: 1, err: "No scheduled message 1-1 found.\n" });
    expect(lines(ended.out)).toEqual([{ entryId: first, due: true }]);
    expect(await store.outbox.read()).toMatchObject([{ payload: { n: 0 } }]);
    expect(await store.outbox.scheduled()).toBe(1);
    expect(await run(["outbox", "run-now", first])).toMatchObject({ code: 1, out: "" });
  });

  test("cancel deletes scheduled messages after a confirmation", async () => {
    const { run, store, ids, prefix } = await openWithScheduled(2);
    const [first = ""] = ids;
    const asked = await runHere(["outbox", "cancel", first], environment(prefix), { input: "n\n", isTTY: true });
    expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("Cancel 1 message permanently?") });
    expect(await store.outbox.scheduled()).toBe(2);
    const ended = await run(["outbox", "cancel", first, "0-99", "--yes"]);
    expect(ended).toMatchObject({ code: 1, err: "No scheduled message 0-99 found.\n" });
    expect(lines(ended.out)).toEqual([{ entryId: first, cancelled: true }]);
    expect(await store.outbox.scheduled()).toBe(1);
    expect(await store.get("a")).toMatchObject({ status: "working", version: 2 });
  });

  test("run-now --job ends the wait of a job, and changes nothing if a worker runs it", async () => {
    const { run, store } = await openPlace();
    const message = { queue: "reports", id: "m-1", payload: 1 };
    const none = await run(["outbox", "run-now", "--job", "a"]);
    expect(none).toMatchObject({ code: 1, out: "", err: expect.stringContaining("waits neither for a retry") });
    expect(await run(["outbox", "run-now", "--job", "absent"])).toMatchObject({
      code: 1,
      err: "Job absent not found.\n",
    });
    const answer = await store.claim("a", "working", { from: ["waiting"], leaseMs: 60_000, key: "k", message });
    const claimed = answer.kind === "claimed" ? answer.job : expect.fail(answer.kind);
    const running = await run(["outbox", "run-now", "--job", "a"]);
    expect(running).toMatchObject({ code: 1, out: "", err: "A worker runs job a, so nothing was changed.\n" });
    expect(await store.get("a")).toEqual(claimed);
    await store.updateStatus(claimed, "working", { leaseMs: 3_600_000, failedAttempt: true });
    expect(await store.outbox.read()).toEqual([]);
    const ended = await run(["outbox", "run-now", "--job", "a"]);
    expect(ended).toMatchObject({ code: 0, err: expect.stringContaining("when a relay runs") });
    expect(lines(ended.out)).toEqual([{ id: "a", waits: false }]);
    expect(await store.get("a")).toMatchObject({ version: 3, leasedUntil: null });
    expect(await store.outbox.read()).toMatchObject([{ jobId: "a", id: "m-1" }]);
  });
});
