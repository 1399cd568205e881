import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import { expect, onTestFinished, test } from "vitest";
import { isUpload, subtitleJob, uploadUrl } from "../src/job.js";
import { downloadQueue, jobMessage, translateQueue } from "../src/queues.js";

function start() {
  const store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  onTestFinished(() => store.close());
  /** Takes the messages that were sent since the last call: queue and job. */
  async function sent() {
    const entries = await store.outbox.read();
    await store.outbox.ack(entries.map(({ entryId }) => entryId));
    return entries.map(({ queue, payload }) => [queue, jobMessage.parse(payload).jobId]);
  }
  const create = (videoUrl: string) =>
    store.create({ videoUrl, videoTitle: "One", language: "en", targetLanguage: "es" }, { id: "one" });
  return { store, sent, create };
}

test("a new job is downloaded, then translated, and a retry begins with the download", async () => {
  const { store, sent, create } = start();
  await create("https://films.example/1.mkv");
  expect(await sent()).toEqual([[downloadQueue.name, "one"]]);
  const downloading = await store.updateStatus("one", "downloading");
  expect(await sent()).toEqual([]);
  await store.updateStatus(downloading, "translating");
  expect(await sent()).toEqual([[translateQueue.name, "one"]]);
  await store.updateStatus("one", "failed");
  await store.updateStatus("one", "pending");
  expect(await sent()).toEqual([[downloadQueue.name, "one"]]);
});

test("an upload is translated at once, and also in another attempt", async () => {
  const { store, sent, create } = start();
  const videoUrl = uploadUrl(Buffer.from("1"));
  expect([isUpload({ videoUrl }), isUpload({ videoUrl: "https://films.example/1.mkv" })]).toEqual([true, false]);
  await create(videoUrl);
  expect(await sent()).toEqual([[translateQueue.name, "one"]]);
  await store.updateStatus("one", "failed");
  await store.updateStatus("one", "pending");
  expect(await sent()).toEqual([[translateQueue.name, "one"]]);
});
