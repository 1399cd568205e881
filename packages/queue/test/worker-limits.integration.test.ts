import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { openSetting } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

const studio = (max: number) => ({ field: "studio", max }) as const;

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("a limit per key in several processes"), () => {
  test("a worker with 3 of 3 places is killed: the places are free when its leases end, and no job uses an attempt", async () => {
    const setting = await openSetting(url);
    const options = { concurrency: 6, heartbeatMs: 300, limit: studio(3) };
    const first = await setting.start(options);
    const ids = ["a", "b", "c", "d", "e", "f"];
    for (const id of ids.slice(0, 3)) await setting.request(id, "north");
    await vi.waitUntil(() => first.runs.length === 3, PATIENCE);
    const second = await setting.start(options);
    for (const id of ids.slice(3)) await setting.request(id, "north");
    const skipped = () => [...first.events, ...second.events].filter(({ type }) => type === "skipped");
    await vi.waitUntil(() => skipped().length === 3, PATIENCE);
    expect(new Set(skipped().map(({ reason }) => reason))).toEqual(new Set(["limited"]));
    expect(second.runs).toEqual([]);
    const leases = await Promise.all(ids.slice(0, 3).map((id) => setting.store.get(id)));
    await first.kill();
    for (let run = 0; run < 6; run++) {
      await vi.waitUntil(() => second.runs.length > run, PATIENCE);
      second.runs[run]?.finish();
    }
    for (const id of ids) await setting.reaches(id, "done");
    expect(second.runs.map(({ jobId }) => jobId).toSorted()).toEqual(ids);
    expect(second.runs.map(({ attempt }) => attempt)).toEqual(Array(6).fill(1));
    const started = await Promise.all(ids.map(async (id) => (await setting.store.get(id))?.history.at(-2)?.at));
    const firstEnd = Math.min(...leases.map((job) => Number(job?.leasedUntil)));
    for (const at of started) expect(Number(at)).toBeGreaterThanOrEqual(firstEnd);
    await setting.endsEmpty(second);
  });

  test("no message that waits is lost when the limit is raised, and when a worker without a limit takes over", async () => {
    const setting = await openSetting(url);
    const first = await setting.start({ concurrency: 8, limit: studio(1) });
    const ids = Array.from({ length: 8 }, (_, n) => `job-${n}`);
    for (const id of ids) await setting.request(id, "north");
    await vi.waitUntil(() => first.events.length === 8, PATIENCE);
    expect(first.eventTypes()).toEqual(Array(7).fill("skipped"));

    const raised = await setting.start({ concurrency: 8, limit: studio(3) });
    const skippedBefore = first.events.length;
    first.signal("SIGTERM");
    first.run.finish();
    await vi.waitUntil(() => first.end !== null, PATIENCE);
    await vi.waitUntil(() => raised.runs.length === 3, PATIENCE);
    expect(first.events.length).toBeGreaterThan(skippedBefore);

    const older = await setting.start({ concurrency: 8 });
    raised.signal("SIGTERM");
    for (const run of raised.runs) run.finish();
    await vi.waitUntil(() => raised.end !== null, PATIENCE);
    await vi.waitUntil(() => raised.runs.length + older.runs.length === 7, PATIENCE);
    for (const run of older.runs) run.finish();
    for (const id of ids) await setting.reaches(id, "done");
    await setting.endsEmpty(older);
  });
});
