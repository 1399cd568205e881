import { once } from "node:events";
import { downloadQueue } from "@showcase/contracts";
import { createWorker, RetryLater, type WorkerOptions } from "@subtitles/queue/worker";
import { expect, onTestFinished, test } from "vitest";
import { jobDetail } from "../src/api/views.js";
import { read, startRig } from "./rig.js";

type Rig = Awaited<ReturnType<typeof startRig>>;
type Options = WorkerOptions<Rig["store"]["definition"], typeof downloadQueue, "downloading">;

function work({ store, broker }: Rig, run: Options["run"]) {
  const worker = createWorker({ store, broker, queue: downloadQueue, from: "pending", working: "downloading", run });
  onTestFinished(() => worker.close({ graceMs: 0 }));
}

test("a waiting job has the time and the reason, until it is cancelled", async () => {
  const rig = await startRig();
  const { id } = await rig.submit();
  const until = new Date(Date.now() + 3_600_000);
  work(rig, async () => {
    throw new RetryLater("The quota is used up.", { at: until });
  });
  const job = () => read(jobDetail, rig.get(`/api/v1/jobs/${id}`));
  await expect
    .poll(job)
    .toMatchObject({ status: "downloading", error: null, waiting: { reason: "The quota is used up." } });
  const { waiting } = await job();
  expect(Math.abs(Date.parse(waiting?.until ?? "") - until.getTime())).toBeLessThan(60_000);
  expect(await read(jobDetail, rig.post(`/api/v1/jobs/${id}/cancel`))).toMatchObject({ waiting: null });
});

test("a job that a worker runs does not wait, also after a wait", async () => {
  const rig = await startRig();
  const { id } = await rig.submit();
  let runs = 0;
  work(rig, async (_job, { signal }) => {
    runs += 1;
    if (runs === 1) throw new RetryLater("The service is busy.", { afterMs: 1_000 });
    await once(signal, "abort");
    throw signal.reason;
  });
  await expect.poll(() => runs).toBe(2);
  expect(await read(jobDetail, rig.get(`/api/v1/jobs/${id}`))).toMatchObject({ status: "downloading", waiting: null });
});
