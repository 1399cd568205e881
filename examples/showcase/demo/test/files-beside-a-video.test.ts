import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createLog, createSubtitleFiles, memoryProviderStates, subtitleJob } from "@showcase/contracts";
import { startDownloader, videoSource } from "@showcase/downloader";
import { keysInMemory, startManager } from "@showcase/manager";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { createBroker } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { expect, onTestFinished, test, vi } from "vitest";
import { createClient, type Order } from "../src/client.js";

const subtitle = (text: string) => `1\n00:00:01,000 --> 00:00:02,000\n${text}\n`;

/** Starts a manager and a downloader with one media folder, and a client that waits for the end of its job. */
async function startService() {
  const root = await mkdtemp(join(tmpdir(), "media-"));
  const media = join(root, "media");
  await mkdir(join(media, "Ferry/Subs"), { recursive: true });
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(join(root, "storage"));
  const log = createLog("test", "silent");
  const providers = memoryProviderStates();
  const address = { host: "127.0.0.1", port: 0, requestsPerMinute: 100_000 };
  const manager = await startManager({ store, broker, files, log, providers, keys: keysInMemory(), ...address });
  startDownloader({ store, broker, log, files, sources: [videoSource([media])], downloadBaseUrl: manager.url });
  onTestFinished(async () => {
    await manager.close();
    await broker.close({ graceMs: 0 });
    await store.close();
    await rm(root, { recursive: true });
  });
  const client = createClient(manager.url, new AbortController().signal);
  async function ask(order: Order) {
    const { id } = await client.submit(order);
    return vi.waitUntil(
      async () => {
        const job = await client.get(id);
        return job && (job.status === "completed" || job.status === "failed") ? job : null;
      },
      { timeout: 20_000 },
    );
  }
  return { root, media, ask, client, url: manager.url };
}

test("an absolute path below a media folder finds the subtitles next to the video, like its file: address", async () => {
  const { media, ask, client } = await startService();
  await writeFile(join(media, "Ferry/Ferry.1080p.mkv"), "");
  await writeFile(join(media, "Ferry/Ferry.1080p.en.srt"), subtitle("next to it"));
  await writeFile(join(media, "Ferry/Subs/French.srt"), subtitle("dans Subs"));
  const path = join(media, "Ferry/Ferry.1080p.mkv");
  for (const videoUrl of [path, pathToFileURL(path).href]) {
    const english = await ask({ videoUrl, videoTitle: "Another title", language: "en" });
    expect(await client.file(english)).toBe(subtitle("next to it"));
    const french = await ask({ videoUrl, videoTitle: "Another title", language: "fr" });
    expect(await client.file(french)).toBe(subtitle("dans Subs"));
  }
});

test("a path outside of the media folders is not read", async () => {
  const { root, media, ask } = await startService();
  await writeFile(join(root, "Ferry.en.srt"), subtitle("outside"));
  for (const videoUrl of [join(root, "Ferry.mkv"), `${media}/../Ferry.mkv`, `/${root}/Ferry.mkv`]) {
    const job = await ask({ videoUrl, videoTitle: "Ferry", language: "en" });
    expect([job.status, job.error?.code]).toEqual(["failed", "SUBTITLE_NOT_FOUND"]);
  }
});

test("the job's details show that the language of a file was assumed", async () => {
  const { media, ask } = await startService();
  await writeFile(join(media, "Ferry.srt"), subtitle("Hello."));
  const job = await ask({ videoUrl: join(media, "Ferry.mkv"), videoTitle: "Ferry", language: "en" });
  expect(job.status).toBe("completed");
  expect(job.details).toMatchObject({
    subtitle: { name: "Ferry.srt", language: "en", languageAssumed: true },
    warnings: [expect.stringContaining("Ferry.srt")],
  });
});

test("a job that failed because its title lacks the year can be deleted and submitted again with the year", async () => {
  const { media, ask, client, url } = await startService();
  for (const year of [1998, 2021]) await writeFile(join(media, `Ferry (${year}).en.srt`), subtitle(String(year)));
  const order = { videoUrl: join(media, "stream.mkv"), language: "en" };
  const first = await ask({ ...order, videoTitle: "Ferry" });
  expect([first.status, first.error?.code]).toEqual(["failed", "AMBIGUOUS_TITLE"]);
  await fetch(`${url}/api/v1/jobs/${first.id}`, { method: "DELETE" });
  const second = await ask({ ...order, videoTitle: "Ferry (1998)" });
  expect(await client.file(second)).toBe(subtitle("1998"));
});
