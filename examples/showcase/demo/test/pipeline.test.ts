import { translationDetails } from "@showcase/contracts";
import { parseSrt } from "@showcase/contracts/subtitle";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBoard } from "../src/board.js";
import { type Client, createClient, type JobView } from "../src/client.js";
import { follow } from "../src/follow.js";
import { startInProcess } from "../src/in-process.js";
import { orders } from "../src/orders.js";
import { timeline, translationReport } from "../src/report.js";
import { type System, samples } from "../src/system.js";
import { createOutput } from "./output.js";

const forever = new AbortController().signal;

let system: System;
let client: Client;
let jobs: readonly JobView[];
const output = createOutput();

/** Runs the three orders of the demo once, over HTTP. */
beforeAll(async () => {
  system = await startInProcess();
  client = createClient(system.url, forever);
  jobs = (await follow(client, orders, createBoard(output.stream), forever)).map(({ job }) => job);
}, 180_000);
afterAll(() => system[Symbol.asyncDispose]());

function job(index: number): JobView {
  const found = jobs[index];
  if (!found) throw new Error(`There is no job ${index}.`);
  return found;
}

test("the three orders end as expected", () => {
  expect(jobs.map(({ status }) => status)).toEqual(["completed", "completed", "failed"]);
  expect(orders.map((order, index) => order.check(job(index)))).toEqual([null, null, null]);
});

test("the check of an order notices another end", () => {
  expect(orders[0]?.check(job(2))).toContain("it was expected to be completed, and is failed: No subtitle");
  expect(orders[2]?.check(job(0))).toContain("it was expected to fail as not found, and is completed");
});

test("a subtitle next to the sample video is found by the absolute path of the video", async () => {
  const order = {
    label: "beside",
    order: {
      videoUrl: `${samples.media}/The.Last.Ferry.2021.1080p.WEB.mkv`,
      videoTitle: "The Last Ferry",
      language: "es",
    },
    check: () => null,
  };
  const [ended] = await follow(client, [order], createBoard(createOutput().stream), forever);
  expect(ended?.job).toMatchObject({ status: "completed", details: { subtitle: { source: "video" } } });
});

test("the downloaded file is the complete subtitle of the library", async () => {
  const cues = parseSrt(await client.file(job(0)));
  expect(cues.length).toBeGreaterThanOrEqual(60);
  expect(job(0).details).toMatchObject({
    subtitle: { source: "library", name: "The Last Ferry (2021).en.srt" },
  });
});

test("the translation has the times of the source, and none of its texts", async () => {
  const source = new Map(parseSrt(await client.file(job(0))).map((cue) => [cue.index, cue]));
  const spoken = parseSrt(await client.file(job(1))).filter(({ text }) => /\p{Letter}/u.test(text));
  expect(spoken.length).toBeGreaterThan(50);
  for (const { index, startMs, endMs, text } of spoken) {
    expect(source.get(index)).toMatchObject({ startMs, endMs });
    expect([index, text]).not.toEqual([index, source.get(index)?.text]);
  }
});

test("cues that the memory does not have are counted, listed and left out", async () => {
  const { exact, fuzzy, covered, total, uncovered, uncoveredCues, fuzzyCues } = translationDetails.parse(
    job(1).details.translation,
  );
  expect(job(1).details).toMatchObject({ subtitle: { source: "library" } });
  expect([exact, fuzzy, uncovered].every((count) => count > 0)).toBe(true);
  expect([exact + fuzzy, covered + uncovered]).toEqual([covered, total]);
  expect([uncoveredCues.length, fuzzyCues.length]).toEqual([uncovered, fuzzy]);
  const translated = new Set(parseSrt(await client.file(job(1))).map(({ index }) => index));
  for (const { index } of uncoveredCues) expect(translated.has(index)).toBe(false);
});

test("the timelines have every change in order, with its author", () => {
  const steps = jobs.map(({ history }) => history.map(({ to, by }) => [to, by?.split("@")[0]]));
  expect(steps).toEqual([
    [
      ["pending", "manager"],
      ["downloading", "downloader"],
      ["completed", "downloader"],
    ],
    [
      ["pending", "manager"],
      ["downloading", "downloader"],
      ["translating", "downloader"],
      ["translating", "translator"],
      ["completed", "translator"],
    ],
    [
      ["pending", "manager"],
      ["downloading", "downloader"],
      ["failed", "downloader"],
    ],
  ]);
  const times = job(1).history.map(({ at }) => at.getTime());
  expect(times).toEqual(times.toSorted((one, other) => one - other));
});

test("the output has a line for each change of progress", () => {
  const lines = output.text().split("\n");
  expect(lines.filter((line) => /en → es: translating \d+\/\d+$/.test(line)).length).toBeGreaterThan(1);
  expect(lines).toContain("  The Last Ferry, en → es: completed");
  expect(lines).toContainEqual(expect.stringMatching(/A Film Without Subtitles, en: failed: No subtitle in en/));
});

test("the report shows exact and fuzzy cues with their source, the cues that were left out, and each timeline", async () => {
  const report = translationReport(job(1), await client.file(job(0)), await client.file(job(1)));
  expect(report).toMatch(/^ +\d+ {2}exact {2}\S.+ {2}\S/m);
  expect(report).toMatch(/^ +\d+ {2}fuzzy {2}\S.+ {2}\S/m);
  expect(report).toMatch(/Left out, .+: \d+ cues\n +\d+ {2}\S/);
  expect(timeline("One", job(2))).toMatch(
    /^\nOne\n +0 ms {2}pending +manager\n +\d+ ms {2}downloading .+\n +\d+ ms {2}failed .+\n +No subtitle in en /,
  );
});
