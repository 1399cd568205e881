import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createLog, createSubtitleFiles, subtitleJob, translateQueue, uploadUrl } from "@showcase/contracts";
import { parseSrt } from "@showcase/contracts/subtitle";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import { createBroker, createRelay } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { describe, expect, test } from "vitest";
import { startTranslator } from "../src/app.js";
import { fileCheckpoints } from "../src/checkpoint.js";
import type { TranslationProvider } from "../src/text/index.js";
import { translate } from "../src/translate.js";
import { fixture, srt, temporaryFolder, translateFile } from "./translate-file.js";

/** Provider that knows these texts. Texts that begin with "~" are drafts. */
function knowing(words: Readonly<Record<string, string>>): TranslationProvider {
  return {
    name: "Test memory",
    async translate(cues) {
      return cues.map(({ index, text }) => {
        const known = words[text];
        if (known === undefined) return { index, translation: null };
        const fuzzy = known.startsWith("~");
        const translation = {
          text: known.replace("~", ""),
          match: fuzzy ? "fuzzy" : "exact",
          score: fuzzy ? 0.8 : 1,
        } as const;
        return { index, translation };
      });
    },
  };
}

test("the translated cues are stored, and the result has the counts of each kind", async () => {
  const provider = knowing({ Hello: "Hola", Goodbye: "~Adiós" });
  const { id, outcome, progress, stored } = await translateFile(srt("Hello", "Goodbye", "Zzz"), {
    provider,
    batchSize: 1,
  });
  expect(parseSrt(stored ?? "").map(({ index, text }) => [index, text])).toEqual([
    [1, "Hola"],
    [2, "Adiós"],
  ]);
  expect(outcome).toMatchObject({
    to: "completed",
    result: {
      downloadUrl: `http://localhost:3000/api/v1/jobs/${id}/file`,
      details: {
        translation: {
          provider: "Test memory",
          total: 3,
          covered: 2,
          coverage: 2 / 3,
          exact: 1,
          fuzzy: 1,
          machine: 0,
          resumed: 0,
          fuzzyCues: [2],
          uncovered: 1,
          uncoveredCues: [{ index: 3, text: "Zzz" }],
        },
      },
    },
  });
  expect(progress).toEqual([0, 1, 2, 3].map((done) => ({ stage: "translating", done, total: 3 })));
});

test("below the minimum coverage, the job fails with the reason, and nothing is stored", async () => {
  const { error, stored } = await translateFile(srt("Hello", "Zzz", "Yyy"), { provider: knowing({ Hello: "Hola" }) });
  expect(error).toMatchObject({
    code: "INSUFFICIENT_COVERAGE",
    retryable: false,
    message: expect.stringContaining("1 of 3 cues"),
    note: "no translation for cues 2, 3",
  });
  expect(stored).toBeNull();
});

test("of a long list of missing cues the job names the first and counts the rest", async () => {
  const texts = Array.from({ length: 15 }, (_, index) => `Zzz ${index}`);
  const source = texts.map((text, index) => `${index + 1}\n00:00:01,000 --> 00:00:02,000\n${text}\n`).join("\n");
  const { error } = await translateFile(source, { provider: knowing({}) });
  expect(error).toMatchObject({ note: "no translation for cues 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 5 more" });
});

test("the list of uncovered cues in the record is limited", async () => {
  const texts = Array.from({ length: 400 }, (_, index) => (index % 2 ? "Hello" : "z".repeat(5000)));
  const source = texts.map((text, index) => `${index + 1}\n00:00:01,000 --> 00:00:02,000\n${text}\n`).join("\n");
  const { outcome } = await translateFile(source, { provider: knowing({ Hello: "Hola" }) });
  expect(outcome).toMatchObject({ to: "completed", result: { details: { translation: { uncovered: 200 } } } });
  expect(JSON.stringify(outcome).length).toBeLessThan(40_000);
});

test("a WebVTT file is translated as WebVTT: its header, notes, names and settings are kept", async () => {
  const source = "WEBVTT Kind: captions\n\nNOTE x\n\nfirst\n00:00:01.000 --> 00:00:02.000 line:0\n<v Ann>Hello</v>\n";
  const { stored } = await translateFile(source, { provider: knowing({ Hello: "Hola" }) });
  expect(stored).toBe(source.replace("Hello", "Hola"));
});

test("a source file with an unreadable character is translated, and the job's details report it", async () => {
  const { outcome } = await translateFile(srt("Hello", "caf\uFFFD"), { provider: knowing({ Hello: "Hola" }) });
  expect(outcome).toMatchObject({
    to: "completed",
    result: { details: { warnings: [expect.stringMatching(/1 unreadable character/)] } },
  });
});

test("a file that is not a subtitle fails the job permanently", async () => {
  const { error } = await translateFile("<html>Not found</html>", { provider: knowing({}) });
  expect(error).toMatchObject({ code: "SUBTITLE_FORMAT", retryable: false });
});

test("a job without a target language has nothing to translate", async () => {
  const { error } = await translateFile(srt("Hello"), { provider: knowing({}) }, { targetLanguage: null });
  expect(error).toMatchObject({ code: "NO_TARGET_LANGUAGE", retryable: false });
});

test("a job with a missing source file is tried again", async () => {
  await expect(translateFile(null, { provider: knowing({}) })).rejects.toThrow("not in the storage folder");
});

test("a job with an unavailable provider is tried again", async () => {
  const provider: TranslationProvider = {
    name: "Away",
    translate: () => Promise.reject(new Error("Too many requests.")),
  };
  await expect(translateFile(srt("Hello"), { provider })).rejects.toThrow("Too many requests.");
});

test("an interrupted attempt is continued, and only its last batch is translated again", async () => {
  const folder = await temporaryFolder();
  await using store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  const files = createSubtitleFiles(folder);
  const { job } = await store.create({
    videoUrl: "https://films.example/1",
    videoTitle: "One",
    language: "en",
    targetLanguage: "es",
  });
  await files.save(job.id, "en", srt("a b", "c d", "e f", "g h", "i j"));
  const working = await store.updateStatus(job.id, "translating");

  const asked: number[] = [];
  const attempt = (dieAt: number | null, settings = "model 1") => {
    const provider: TranslationProvider = {
      name: "Paid",
      settings,
      async translate(cues) {
        if (cues.some(({ index }) => index === dieAt)) throw new Error("killed");
        asked.push(...cues.map(({ index }) => index));
        return cues.map(({ index, text }) => ({
          index,
          translation: { text: `es ${text}`, match: "machine", score: 1 },
        }));
      },
    };
    const checkpoints = fileCheckpoints(join(folder, ".checkpoints"));
    const work = translate({
      provider,
      minCoverage: 1,
      batchSize: 2,
      checkpoints,
      files,
      downloadBaseUrl: "http://x.example",
    });
    return work(working, { signal: new AbortController().signal, progress: () => {} });
  };

  await expect(attempt(5)).rejects.toThrow("killed");
  expect(asked).toEqual([1, 2, 3, 4]);
  const outcome = await attempt(null);
  expect(asked).toEqual([1, 2, 3, 4, 5]);
  expect(outcome).toMatchObject({ result: { details: { translation: { resumed: 4, machine: 5, covered: 5 } } } });

  await attempt(null, "model 2");
  expect(asked).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
});

test("an uploaded file is translated by a worker, which removes its checkpoint", async () => {
  const folder = await temporaryFolder();
  await using store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  await using broker = createBroker({ driver: queuesInMemory() });
  await using _relay = createRelay({ outbox: store.outbox, broker, queues: [translateQueue] });
  const files = createSubtitleFiles(folder);
  await using _translator = startTranslator({
    store,
    broker,
    log: createLog("test", "silent"),
    provider: knowing({ Hello: "Hola" }),
    minCoverage: 1,
    checkpoints: fileCheckpoints(join(folder, ".checkpoints")),
    files,
    downloadBaseUrl: "http://localhost:3000",
  });
  const videoUrl = uploadUrl(Buffer.from("one"));
  await files.save("one", "en", srt("Hello"));
  await store.create({ videoUrl, videoTitle: "One", language: "en", targetLanguage: "es" }, { id: "one" });
  const { history } = await store.waitFor("one");
  expect(history.map(({ to, by }) => [to, by?.split("@")[0]])).toEqual([
    ["pending", undefined],
    ["translating", "translator"],
    ["completed", "translator"],
  ]);
  expect(await files.read("one", "es")).toContain("Hola");
  await expect.poll(() => readdir(join(folder, ".checkpoints"))).toEqual([]);
});

describe("a WebVTT file", () => {
  test("with lines of one space is translated completely", async () => {
    const provider = knowing({ "hello my friends of old": "hola, viejos amigos", "welcome back to us": "bienvenidos" });
    const source = await fixture("../../../contracts/test/fixtures/vtt-space-line.vtt");
    const { outcome, stored } = await translateFile(source, { provider });
    expect(stored).toContain("position:0%\nhola, viejos amigos\n\n");
    expect(stored).toContain("position:0%\nbienvenidos\n");
    expect(outcome).toMatchObject({ result: { details: { translation: { covered: 2, total: 2 } } } });
  });

  test("with text after an empty line is translated, without text of the source", async () => {
    const source = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n\nmy friend\n\nNOTE x\n\nstray words\n";
    const { stored } = await translateFile(source, { provider: knowing({ "Hello\nmy friend": "Hola, amigo" }) });
    expect(stored).toBe("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHola, amigo\n\nNOTE x\n");
  });

  test("is sent without character references, and a translation is escaped", async () => {
    const provider = knowing({
      'Don\'t say "harbor", Ann…': "No digas «puerto» & <nada> --> Ann",
      "Salt & sea": "Sal & mar",
    });
    const { stored } = await translateFile(await fixture("../../../contracts/test/fixtures/vtt-entities.vtt"), {
      provider,
    });
    expect(stored).toBe(
      "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nNo digas «puerto» &amp; &lt;nada&gt; --&gt; Ann\n\n" +
        "00:00:03.000 --> 00:00:04.000\nSal &amp; mar\n",
    );
  });
});
