import { describe, expect, test } from "vitest";
import { createJobStore, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { subtitleJob, subtitleTtlFromEnv } from "../src/subtitle.js";

const video = { videoUrl: "https://videos.test/1.mp4", videoTitle: "The Harbour", language: "en" };
const openStore = () => createJobStore({ job: subtitleJob, driver: memoryDriver() });

describe("subtitleJob", () => {
  test("has the published lifecycle", () => {
    expect(subtitleJob.name).toBe("subtitle");
    expect(subtitleJob.initial).toBe("pending");
    expect(subtitleJob.statuses).toEqual({
      pending: { next: ["downloading", "translating", "failed"] },
      downloading: { next: ["downloading", "translating", "completed", "failed"] },
      translating: { next: ["translating", "completed", "failed"] },
      completed: { next: [], final: true, ttlSeconds: 604_800 },
      failed: { next: ["pending"], final: true, ttlSeconds: 259_200 },
    });
  });

  test("has by default no target language and no preferred sources", async () => {
    for (const more of [{}, { targetLanguage: undefined, preferredSources: undefined }, { targetLanguage: null }]) {
      const { job } = await openStore().create({ ...video, ...more });
      expect(job.data).toEqual({ ...video, targetLanguage: null, preferredSources: [] });
    }
  });

  for (const [given, canonical] of [
    ["en", "en"],
    ["EN", "en"],
    ["eng", "en"],
    ["pt-br", "pt-BR"],
    ["zh-hant-tw", "zh-Hant-TW"],
    ["iw", "he"],
    ["sr-latn", "sr-Latn"],
  ] as const) {
    test(`language ${given} is stored as ${canonical}`, async () => {
      const { job } = await openStore().create({ ...video, language: given, targetLanguage: given });
      expect(job.data).toMatchObject({ language: canonical, targetLanguage: canonical });
    });
  }

  const bad: readonly (readonly [string, object, string])[] = [
    ["an empty language", { language: "" }, "language"],
    ["a language that is no tag", { language: "plain English" }, "language"],
    ["a locale of another convention", { language: "en_US" }, "language"],
    ["no language", { language: undefined }, "language"],
    ["an empty target language", { targetLanguage: "" }, "targetLanguage"],
    ["a target language that is no tag", { targetLanguage: "e" }, "targetLanguage"],
    ["an empty address", { videoUrl: "" }, "videoUrl"],
    ["an empty title", { videoTitle: "" }, "videoTitle"],
    ["an empty source", { preferredSources: [""] }, "preferredSources"],
    ["sources that are no list", { preferredSources: "library" }, "preferredSources"],
  ];
  for (const [what, change, field] of bad) {
    test(`${what} is INVALID_DATA`, async () => {
      const error = await openStore()
        .create({ ...video, ...change } as typeof video)
        .catch((reason: unknown) => reason);
      if (!JobStoreError.is(error, "INVALID_DATA")) throw error;
      expect([...new Set(error.issues?.map(({ path }) => path[0]))]).toEqual([field]);
    });
  }

  test("goes from pending to completed with result and progress", async () => {
    const store = openStore();
    const created = await store.create({ ...video, targetLanguage: "de" });
    if (!created.created) return expect.fail("the job should be new");
    const downloading = await store.updateStatus(created.job, "downloading");
    await store.updateProgress(downloading, { stage: "searching", done: 1, total: 3 });
    const translating = await store.updateStatus(downloading, "translating");
    const details = { coverage: 0.97, warnings: ["2 cues left out"], candidate: { name: "harbour.en.srt" } };
    const result = { downloadUrl: "https://manager.test/subtitles/1/file", details };
    const completed = await store.updateStatus(translating, "completed", { result });
    expect(completed).toMatchObject({ result, progress: { stage: "searching", done: 1, total: 3 } });
    expect(completed.expiresAt).toEqual(new Date(completed.statusAt.getTime() + 604_800_000));
  });

  test("can be retried after a failure", async () => {
    const store = openStore();
    const { job } = await store.create(video);
    const failed = await store.updateStatus(job.id, "failed", {
      error: { message: "No subtitle was found.", code: "NONE" },
    });
    expect(failed.expiresAt).toEqual(new Date(failed.statusAt.getTime() + 259_200_000));
    expect(await store.updateStatus(failed, "pending")).toMatchObject({ attempt: 2, error: null, expiresAt: null });
  });
});

describe("subtitleTtlFromEnv", () => {
  const defaults = { pending: 0, downloading: 0, translating: 0, completed: 604_800, failed: 259_200 };

  test("uses the defaults for unset and empty variables", () => {
    expect(subtitleTtlFromEnv({})).toEqual(defaults);
    const empty = { REDIS_JOB_TTL_COMPLETED: "", REDIS_JOB_TTL_FAILED: " ", REDIS_JOB_TTL_ACTIVE: undefined };
    expect(subtitleTtlFromEnv(empty)).toEqual(defaults);
  });

  test("sets the TTL of the statuses of each variable in seconds; 0: without expiry", () => {
    const env = {
      REDIS_JOB_TTL_COMPLETED: "60",
      REDIS_JOB_TTL_FAILED: "0",
      REDIS_JOB_TTL_ACTIVE: " 90 ",
      PATH: "/bin",
    };
    expect(subtitleTtlFromEnv(env)).toEqual({
      pending: 90,
      downloading: 90,
      translating: 90,
      completed: 60,
      failed: 0,
    });
  });

  test("returns a value for the option ttlSeconds of a store", async () => {
    const ttlSeconds = subtitleTtlFromEnv({ REDIS_JOB_TTL_ACTIVE: "60" });
    const { job } = await createJobStore({ job: subtitleJob, driver: memoryDriver(), ttlSeconds }).create(video);
    expect(job.expiresAt).toEqual(new Date(job.statusAt.getTime() + 60_000));
  });

  for (const name of ["REDIS_JOB_TTL_COMPLETED", "REDIS_JOB_TTL_FAILED", "REDIS_JOB_TTL_ACTIVE"]) {
    for (const value of ["-1", "1.5", "1e3", "0x10", "soon", "60s", "Infinity", "NaN", "1 000", "99999999999"]) {
      test(`${name}=${value} is INVALID_ARGUMENT, naming the variable`, () => {
        expect(() => subtitleTtlFromEnv({ [name]: value })).toThrow(
          expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) }),
        );
      });
    }
  }
});
