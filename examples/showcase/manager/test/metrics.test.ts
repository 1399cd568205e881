import { expect, test } from "vitest";
import { startRig } from "./rig.js";

test("metrics are Prometheus text with the current counts", async () => {
  const { get, submit } = await startRig();
  await submit();
  const reply = await get("/metrics");
  expect(reply.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const text = await reply.text();
  expect(text).toContain('subtitle_jobs{status="pending"} 1');
  expect(text).toMatch(/^subtitle_outbox_messages\{state="waiting"\} [01]$/m);
  for (const state of ["scheduled", "rejected"]) expect(text).toContain(`subtitle_outbox_messages{state="${state}"} 0`);
  expect(text).toMatch(/^subtitle_queue_messages\{queue="subtitles.download",state="ready"\} [01]$/m);
  expect(text).toContain("subtitle_orphans_removed_total 0");
  expect(text).toContain('http_request_duration_seconds_count{method="POST",route="/api/v1/jobs",status="201"} 1');
  expect(text).toMatch(/^process_cpu_seconds_total /m);
});

test("values that cannot be read are left out, and not shown as zero", async () => {
  const { get, store, broker } = await startRig();
  await broker.close();
  await store.close();
  const text = await (await get("/metrics")).text();
  expect(text).not.toMatch(/^subtitle_(jobs|outbox_messages|queue_messages)[{ ]/m);
  expect(text).toMatch(/^process_cpu_seconds_total /m);
});
