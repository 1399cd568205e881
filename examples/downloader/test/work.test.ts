import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRelay } from "@subtitles/queue";
import { expect, onTestFinished, test } from "vitest";
import { queues } from "../../contracts/job.js";
import { openResources, temporaryFolder } from "../../contracts/test/resources.js";
import { startDownloader } from "../app.js";

const SRT = "1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n";
const DATA = { videoUrl: "https://films.example/roma.mkv", videoTitle: "Roma", language: "en" };

/** Starts a downloader with folders that contain these files. The returned `run` waits for the end of the downloader's work on a job. */
async function start({ library = {}, media = {} }: Record<string, Readonly<Record<string, string | Buffer>>> = {}) {
  const folder = await temporaryFolder();
  for (const [name, files] of Object.entries({ library, media })) {
    await mkdir(join(folder, name));
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, name, file), content);
  }
  const resources = await openResources();
  const { store, broker, files } = resources;
  const relay = createRelay({ outbox: store.outbox, broker, queues });
  const [LIBRARY_PATH, MEDIA_PATH] = [join(folder, "library"), join(folder, "media")];
  const worker = startDownloader(resources, { LIBRARY_PATH, MEDIA_PATH, DOWNLOADER_CONCURRENCY: 1 });
  onTestFinished(async () => {
    await worker.close();
    await relay.close();
  });
  const run = async (data: Readonly<Record<string, string>> = {}) => {
    const { job } = await store.create({ ...DATA, ...data });
    return store.waitFor(job.id, { until: ["translating", "completed", "failed"], timeoutMs: 20_000 });
  };
  return { run, files, folder };
}

test("a subtitle in the folder completes the job, and its file exists", async () => {
  const { run, files } = await start({ library: { "Roma.en.srt": `\uFEFF${SRT.replaceAll("\n", "\r\n")}` } });
  const { id, status, result, progress } = await run();
  expect([status, result]).toEqual(["completed", { file: `${id}.en.srt`, source: "Roma.en.srt" }]);
  expect(progress).toBeNull();
  expect(await files.read(`${id}.en.srt`)).toBe(SRT);
});

test("a subtitle next to the video is found by the path or the file: address of the video", async () => {
  const { run, folder } = await start({ media: { "roma-1080p.mkv": "", "roma-1080p.en.srt": SRT } });
  const video = join(folder, "media", "roma-1080p.mkv");
  expect((await run({ videoUrl: video })).result).toMatchObject({ source: "roma-1080p.en.srt" });
  expect((await run({ videoUrl: `file://${video}` })).status).toBe("completed");
});

test("a subtitle in the target language completes the job, and one in the other language goes to the translator", async () => {
  const { run } = await start({ library: { "Roma.en.srt": SRT, "Roma.es.srt": SRT } });
  expect(await run({ targetLanguage: "es" })).toMatchObject({ status: "completed", result: { source: "Roma.es.srt" } });
  expect(await run({ targetLanguage: "fr" })).toMatchObject({
    status: "translating",
    result: { source: "Roma.en.srt" },
  });
});

test.each([
  ["in another encoding", Buffer.from(SRT.replace("Good", "Señor"), "latin1"), "WRONG_ENCODING"],
  ["damaged", SRT.replace("-->", "to"), "DAMAGED_SUBTITLE"],
  ["of another kind", "<html>404</html>", "DAMAGED_SUBTITLE"],
  ["too large", Buffer.alloc(5 * 1024 * 1024 + 1, SRT), "TOO_LARGE"],
])("a file that is %s fails the job with the reason, and nothing is stored", async (_, content, code) => {
  const { run, files } = await start({ library: { "Roma.en.srt": content } });
  const { id, status, error } = await run();
  expect([status, error?.code]).toEqual(["failed", code]);
  expect(await files.read(`${id}.en.srt`)).toBeNull();
});

test("a job fails with the reason if no source has its subtitle", async () => {
  const { run } = await start({ library: { "Roma.fr.srt": SRT, "Another Film.en.srt": SRT } });
  expect(await run()).toMatchObject({
    status: "failed",
    error: { code: "SUBTITLE_NOT_FOUND", message: 'No subtitle in en was found for "Roma".' },
  });
});

test("names and addresses of clients lead to no file outside the folders", async () => {
  const { run, folder } = await start({ media: { "film.mkv": "" } });
  const outside = join(folder, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "Secret.en.srt"), SRT);
  await symlink(outside, join(folder, "media", "link"));
  await symlink(join(outside, "Secret.en.srt"), join(folder, "library", "Linked.en.srt"));
  for (const data of [
    { videoTitle: "../outside/Secret" },
    { videoTitle: "Linked" },
    { videoUrl: join(outside, "Secret.mkv") },
    { videoUrl: join(folder, "media", "link", "Secret.mkv") },
    { videoUrl: `file://${folder}/media/../outside/Secret.mkv` },
  ]) {
    expect((await run(data)).error).toMatchObject({ code: "SUBTITLE_NOT_FOUND" });
  }
});
