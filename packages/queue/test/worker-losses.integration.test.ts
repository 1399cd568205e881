import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { openSetting, startRunning } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("jobs that a worker loses"), () => {
  test("a worker whose event loop was blocked reports this, and who has its job now", async () => {
    const setting = await openSetting(url);
    const first = await startRunning(setting, { heartbeatMs: 500, by: "first" });
    const second = await setting.start({ by: "second" });
    first.block(12_000);
    await vi.waitUntil(() => second.runs.length === 1, PATIENCE);
    // The first worker wakes up, and asks for its job.
    await vi.waitUntil(() => first.run.abortedWith !== null, PATIENCE);
    const blocked = first.events.find(({ type }) => type === "blocked");
    const lost = first.events.find(({ type }) => type === "lost");
    expect(blocked?.blockedMs).toBeGreaterThan(10_000);
    expect(lost).toMatchObject({ jobId: "a", to: "rendering", version: 3, changedBy: "second" });
    expect(lost?.blockedMs).toBeGreaterThan(10_000);
    expect(first.run.abortedWith).toBe("CONFLICT");
    second.run.finish();
    await setting.reaches("a", "done");
    first.run.finish("waiting");
    await vi.waitUntil(() => first.eventTypes().includes("skipped"), PATIENCE);
    await setting.endsEmpty(first, second);
    expect(await setting.status("a")).toBe("done");
  });

  test.each([
    ["cancelled", "CONFLICT", { to: "cancelled", version: 3, changedBy: "the user" }],
    ["deleted", "NOT_FOUND", {}],
  ] as const)("a worker reports who %s its job", async (how, code, details) => {
    const setting = await openSetting(url);
    const worker = await startRunning(setting, { heartbeatMs: 500 });
    if (how === "deleted") await setting.store.delete("a");
    else await setting.store.updateStatus("a", how, { by: "the user" });
    await vi.waitUntil(() => worker.run.abortedWith !== null, PATIENCE);
    expect(worker.run.abortedWith).toBe(code);
    expect(worker.events.find(({ type }) => type === "lost")).toMatchObject({ jobId: "a", ...details });
    worker.run.finish();
    await vi.waitUntil(() => worker.eventTypes().includes("skipped"), PATIENCE);
    await setting.endsEmpty(worker);
    expect(worker.runs).toHaveLength(1);
  });
});
