import { describe, expect, test, vi } from "vitest";
import { createJobStore } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/expectations.js";
import { sending } from "../src/lib/contract/sends.js";
import { environment, lines, openPlace, redis } from "./cli-place.js";
import { runHere } from "./run-cli.js";

describe.skipIf(redis.url === null)(redis.title("Commands that change jobs"), () => {
  test("set-status allows only transitions of the lifecycle, except with --force", async () => {
    const { run, store } = await openPlace();
    const refused = await run(["set-status", "a", "done"]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain('Job a cannot change from "waiting" to "done" (allowed: working, failed).');
    expect((await run(["set-status", "a", "done", "--force", "--note", "by hand"])).code).toBe(0);
    const job = await store.get("a");
    expect(job).toMatchObject({ status: "done", version: 2, history: [{}, { by: "job-store", note: "by hand" }] });
    // The job has the TTL of the definition, and is still in the index of its field.
    expect(Number(job?.expiresAt) - Number(job?.statusAt)).toBe(3_600_000);
    expect((await store.list({ where: { label: "blue" } })).items).toHaveLength(1);
    expect(await run(["set-status", "a", "paid"])).toMatchObject({ code: 1 });
    expect(await run(["set-status", "a", "paid", "--force"])).toMatchObject({ code: 2 });
    expect(await run(["set-status", "x", "done"])).toMatchObject({ code: 1, err: "Job x not found.\n" });
  });

  test("retry returns jobs to the initial status, with a message for a worker", async () => {
    const { run, store } = await openPlace();
    const args = ["--queue", "reports", "--payload", '{"jobId":"{id}"}'];
    expect(lines((await run(["retry", "b", ...args])).out)).toEqual([{ id: "b", from: "failed", to: "waiting" }]);
    expect(await store.get("b")).toMatchObject({ status: "waiting", attempt: 2, error: null });
    expect(await store.outbox.read()).toMatchObject([{ queue: "reports", payload: { jobId: "b" }, jobId: "b" }]);
  });

  test("retry without a message needs --no-message", async () => {
    const { run, store } = await openPlace();
    const before = await store.get("b");
    for (const args of [
      ["retry", "b"],
      ["retry", "--status", "failed", "--yes"],
      ["set-status", "b", "waiting"],
      ["set-status", "b", "waiting", "--force"],
    ]) {
      const err = expect.stringMatching(/needs a message.* --queue <name> --payload <json>.* --no-message/);
      expect(await run(args)).toEqual({ code: 2, out: "", err });
    }
    expect(await store.get("b")).toEqual(before);
    expect((await run(["retry", "b", "--no-message", "--by", "Ann"])).code).toBe(0);
    const { status, history } = (await store.get("b")) ?? {};
    expect([status, history?.at(-1)?.by]).toEqual(["waiting", "Ann"]);
    expect(await store.outbox.depth()).toBe(0);
    await store.updateStatus("b", "failed");
    // A job that moves from one final status to another needs no worker.
    expect((await run(["set-status", "b", "abandoned"])).code).toBe(0);
  });

  test("retry and set-status need no message if the new status sends one", async () => {
    const { run, store, driver } = await openPlace();
    await store.updateStatus("a", "failed");
    await using newer = createJobStore({ job: sending, driver, ttlSeconds: { failed: 60 } });
    await newer.counts();
    const moved = [{ id: "b", from: "failed", to: "waiting" }];
    await vi.waitFor(async () => expect(lines((await run(["retry", "b"])).out)).toEqual(moved), PATIENCE);
    expect((await run(["set-status", "a", "waiting"])).code).toBe(0);
    expect(await store.outbox.read()).toMatchObject([
      { queue: "workers", id: "b.3.0", payload: { jobId: "b", status: "waiting", fields: { owner: "Ann" } } },
      { queue: "workers", id: "a.3.0", payload: { jobId: "a", status: "waiting", fields: { label: "blue" } } },
    ]);
    await store.updateStatus("b", "failed");
    await run(["retry", "b", "--queue", "own", "--payload", "1"]);
    expect(await store.outbox.read()).toMatchObject([
      { id: "b.5.0", queue: "own" },
      { id: "b.5.1", queue: "workers" },
    ]);
  });

  test("the error for a job whose message is lost names the commands that solve it", async () => {
    const { run, store } = await openPlace();
    const message = ["--queue", "reports", "--payload", '{"jobId":"{id}"}'];
    const stuck = await run(["retry", "a", ...message]);
    expect(stuck).toMatchObject({ code: 1, out: "" });
    expect(stuck.err).toMatch(
      /rejected \(outbox --rejected\), use outbox requeue.* if its message was lost, use set-status/,
    );
    const [, wayOut = ""] =
      /^Job a cannot be retried: status "waiting" is not final\. .*(set-status a waiting --force) with/.exec(
        stuck.err,
      ) ?? [];
    expect((await run([...wayOut.split(" "), ...message])).code).toBe(0);
    expect(await store.get("a")).toMatchObject({ status: "waiting", version: 2, attempt: 1 });
    expect(await store.outbox.read()).toMatchObject([{ queue: "reports", payload: { jobId: "a" }, id: "a.2.0" }]);
  });

  test("commands on many jobs and commands that delete jobs ask for confirmation", async () => {
    const { run, store } = await openPlace();
    expect(await run(["delete", "a"])).toMatchObject({ code: 2, err: expect.stringContaining("Add --yes") });
    expect(await run(["retry", "--status", "failed", "--no-message"])).toMatchObject({
      code: 2,
      err: "job-store: Retry 1 job? Confirmation is needed, but the input is not a terminal. Add --yes.\n",
    });
    expect(await store.counts()).toMatchObject({ waiting: 1, failed: 1, done: 1 });
    expect(await run(["retry", "--status", "failed", "--no-message", "--yes"])).toMatchObject({ code: 0, err: "" });
    expect(lines((await run(["delete", "--status", "waiting", "--yes"])).out)).toEqual([
      { id: "a", deleted: true },
      { id: "b", deleted: true },
    ]);
    expect(await run(["delete", "a", "--yes"])).toMatchObject({ code: 1 });
    expect(await store.counts()).toMatchObject({ waiting: 0, failed: 0, done: 1 });
  });

  test.each([
    ["y\n", 0, null],
    ["n\n", 1, "a"],
    ["\n", 1, "a"],
    ["", 1, "a"], // Ctrl-D
  ])("asked in a terminal, %j decides", async (answer, code, left) => {
    const { prefix, store } = await openPlace();
    const asked = await runHere(["delete", "a"], environment(prefix), { input: answer, isTTY: true });
    expect(asked).toMatchObject({ code, err: expect.stringContaining("Delete job a permanently? [y/N]") });
    expect((await store.get("a"))?.id ?? null).toBe(left);
  });
});
