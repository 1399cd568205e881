import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import { expect, onTestFinished, test, vi } from "vitest";
import { subtitleJob } from "../src/job.js";
import { createProgressWriter } from "../src/progress.js";

async function workingJob() {
  const store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  onTestFinished(() => store.close());
  const { job } = await store.create({ videoUrl: "https://films.example/1", videoTitle: "One", language: "en" });
  return { store, job: await store.updateStatus(job.id, "downloading") };
}

test("a cancelled job is noticed without any news", async () => {
  const { store, job } = await workingJob();
  const onLost = vi.fn();
  const progress = createProgressWriter(store, job, onLost, 20);
  progress.report({ stage: "searching", done: 0, total: 1 });
  await expect.poll(() => store.get(job.id)).toMatchObject({ progress: { done: 0 } });
  expect(onLost).not.toHaveBeenCalled();

  await store.updateStatus(job.id, "failed", { error: { message: "Cancelled." } });
  await vi.waitFor(() => expect(onLost).toHaveBeenCalled(), 60_000);
  await progress.close();
  expect(onLost.mock.calls[0]?.[0]).toMatchObject({ code: "CONFLICT" });
});

test("nothing is written once it is closed", async () => {
  const { store, job } = await workingJob();
  const progress = createProgressWriter(store, job, () => {}, 5);
  progress.report({ stage: "searching", done: 0, total: 1 });
  await progress.close();
  const write = vi.spyOn(store, "updateProgress");
  progress.report({ stage: "searching", done: 1, total: 1 });
  await progress.close();
  expect(write).not.toHaveBeenCalled();
  expect(progress.latest).toMatchObject({ done: 1 });
});
