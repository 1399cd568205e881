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

/** The demo's own three orders, once, over HTTP. */
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

test("the three end as the demo says they must", () => {
  expect(jobs.map(({ status }) => status)).toEqual(["completed", "completed", "failed"]);
  expect(orders.map((order, index) => order.check(job(index)))).toEqual([null, null, null]);
});

test("the check of an order notices another end", () => {
  expect(orders[0]?.check(job(2))).toContain("it should be completed, and is failed: No subtitle");
  expect(orders[2]?.check(job(0))).toContain("it should have failed as not found, and is completed");
});

test("a subtitle beside the sample video is found by the absolute path of the video", async () => {
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

test("the download is the subtitle of the library, whole", async () => {
  const cues = parseSrt(await client.file(job(0)));
  expect(cues.length).toBeGreaterThanOrEqual(60);
  expect(job(0).details).toMatchObject({
    subtitle: { source: "library", name: "The Last Ferry (2021).en.srt" },
  });
});

test("the translation has the source's times, and not one of its texts", async () => {
  const source = new Map(parseSrt(await client.file(job(0))).map((cue) => [cue.index, cue]));
  const spoken = parseSrt(await client.file(job(1))).filter(({ text }) => /\p{Letter}/u.test(text));
  expect(spoken.length).toBeGreaterThan(50);
  for (const { index, startMs, endMs, text } of spoken) {
    expect(source.get(index)).toMatchObject({ startMs, endMs });
    expect([index, text]).not.toEqual([index, source.get(index)?.text]);
  }
});

test("what the memory does not cover is counted, listed and left out", async () => {
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

test("every step is in the timelines, in order, by whom it was made", () => {
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

test("progress was to be seen, a line for each piece of news", () => {
  const lines = output.text().split("\n");
  expect(lines.filter((line) => /en → es: translating \d+\/\d+$/.test(line)).length).toBeGreaterThan(1);
  expect(lines).toContain("  The Last Ferry, en → es: completed");
  expect(lines).toContainEqual(expect.stringMatching(/A Film Nobody Subtitled, en: failed: No subtitle in en/));
});

test("the report shows exact and fuzzy cues beside their source, what was left out, and each timeline", async () => {
  const report = translationReport(job(1), await client.file(job(0)), await client.file(job(1)));
  expect(report).toMatch(/^ +\d+ {2}exact {2}\S.+ {2}\S/m);
  expect(report).toMatch(/^ +\d+ {2}fuzzy {2}\S.+ {2}\S/m);
  expect(report).toMatch(/Left out, .+: \d+ cues\n +\d+ {2}\S/);
  expect(timeline("One", job(2))).toMatch(
    /^\nOne\n +0 ms {2}pending +manager\n +\d+ ms {2}downloading .+\n +\d+ ms {2}failed .+\n +No subtitle in en /,
  );
});
