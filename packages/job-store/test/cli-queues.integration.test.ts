import { describe, expect, test } from "vitest";
import { lines, openPlace, redis } from "./cli-place.js";

describe.skipIf(redis.url === null)(redis.title("Commands of queues"), () => {
  test("pause, paused and resume", async () => {
    const { run, store } = await openPlace();
    expect(await run(["paused"])).toEqual({ code: 0, out: "", err: "" });
    const begun = Date.now();
    const paused = await run(["pause", "reports", "--for", "30m", "--reason", "No paper.", "--by", "Ann"]);
    expect(paused).toMatchObject({ code: 0, err: "" });
    const [pause] = await store.pausedQueues();
    expect(pause).toMatchObject({ queue: "reports", reason: "No paper.", by: "Ann" });
    expect(Math.abs(Number(pause?.until) - begun - 30 * 60_000)).toBeLessThan(60_000);
    const shown = [JSON.parse(JSON.stringify(pause))];
    expect(lines(paused.out)).toEqual(shown);
    expect(lines((await run(["paused"])).out)).toEqual(shown);
    const { out } = await run(["paused", "--output", "table"]);
    expect(out).toMatch(/^queue +since +until +by +reason\nreports +\d{4}-.*Z +\d{4}-.*Z +Ann +No paper\.\n$/);
    const health = await run(["health"]);
    const warning = expect.stringMatching(
      /^The queue "reports" is paused since .* until .*, by Ann\. Reason: No paper\.$/,
    );
    expect(lines(health.out)).toMatchObject([{ warnings: expect.arrayContaining([warning]) }]);

    const until = "2100-12-31T18:00:00+01:00";
    expect((await run(["pause", "reports", "--until", until])).code).toBe(0);
    expect(await store.pausedQueues()).toMatchObject([{ until: new Date(until), reason: null, by: "job-store" }]);
    expect(await run(["resume", "reports"])).toEqual({ code: 0, out: '{"queue":"reports","resumed":true}\n', err: "" });
    const again = await run(["resume", "reports"]);
    expect(again).toMatchObject({ code: 1, out: "" });
    expect(again.err).toBe('The queue "reports" is not paused. See the paused queues with: paused\n');
    const past = await run(["pause", "reports", "--until", "2020-01-01T00:00:00Z"]);
    expect(past).toMatchObject({ code: 0, out: "" });
    expect(past.err).toContain("--until has passed");
  });

  test("workers", async () => {
    const { run, store } = await openPlace();
    expect(await run(["workers"])).toEqual({ code: 0, out: "", err: "" });
    const worker = { id: "w", by: "printer", queue: "reports", from: ["waiting"], working: "working" } as const;
    const place = { host: "alpha", pid: 7, state: "running", concurrency: 4, startedAt: new Date(0) } as const;
    await store.announceWorker({ ...worker, ...place, version: "1.2.3" }, [], 60_000);
    const shown = JSON.parse(JSON.stringify(await store.workers()));
    expect(lines((await run(["workers"])).out)).toEqual(shown);
    expect((await run(["workers", "--output", "table"])).out).toMatch(
      /^queue +by +host +pid +version +state +running +started +seen\nreports +printer +alpha +7 +1\.2\.3 +running +0 of 4 +1970-.*Z +\d{4}-.*Z\n$/,
    );
  });

  test("explain", async () => {
    const { run, store } = await openPlace();
    expect(await run(["explain", "none"])).toEqual({ code: 1, out: "", err: "Job none not found.\n" });
    await store.create({ title: "One" }, { id: "film", outbox: [{ queue: "reports", payload: 1 }] });
    await store.pauseQueue("reports");
    const shown = JSON.parse(JSON.stringify(await store.explain("film")));
    expect(shown).toMatchObject([{ code: "PAUSED" }, { code: "NO_WORKER" }]);
    expect(lines((await run(["explain", "film"])).out)).toEqual(shown);
    expect((await run(["explain", "film", "--output", "table"])).out).toMatch(
      /^PAUSED +The queue "reports" is paused since .*\n +→ To end the pause: npx @subtitles\/job-store resume reports\nNO_WORKER +No live worker .*\n +→ Start a worker/,
    );
    await store.resumeQueue("reports");
    await store.updateStatus("film", "failed", { error: { message: "The printer is on fire." } });
    const ended = await run(["explain", "film"]);
    expect(ended).toMatchObject({ code: 0, out: "" });
    expect(ended.err).toBe('Job film has ended: its status "failed" is final. Its error: The printer is on fire.\n');
  });
});
