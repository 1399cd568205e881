import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { type StubSubtitle, startOpenSubtitles } from "./opensubtitles/server.js";
import { startService, subtitle } from "./service.js";

const series = { title: "Low Tide", parent_title: "Harbour Lights", year: 2021, feature_type: "Episode" };

/** Entry of the service for one episode. The text of its subtitle is its number. */
function entry(season: number, episode: number, attributes: Readonly<Record<string, unknown>> = {}): StubSubtitle {
  const fileId = season * 1000 + episode;
  const number = `S${String(season).padStart(2, "0")}E${String(episode).padStart(2, "0")}`;
  return {
    fileId,
    text: subtitle(number),
    attributes: {
      release: `Harbour.Lights.${number}.1080p.WEB-GRP`,
      feature_details: { ...series, season_number: season, episode_number: episode },
      ...attributes,
    },
  };
}
const episodes = [entry(1, 1), entry(1, 2), entry(1, 3), entry(2, 2)];

test.each([
  ["Harbour Lights", "Harbour.Lights.1x02.1080p.mkv"],
  ["Harbour Lights", "Harbour.Lights.S01E02.1080p.mkv"],
  ["Harbour Lights", "Harbour.Lights.1x02"],
  ["Harbour Lights", "Harbour.Lights.S01xE02.mkv"],
  ["Harbour Lights", "Harbour.Lights.Season.1.Episode.2.mkv"],
  ["Harbour Lights", "Harbour.Lights.E02.mkv"],
  ["Harbour Lights", "[Grp] Harbour Lights - 02 [1080p].mkv"],
  ["Harbour Lights 1x02", "stream"],
  ["Harbour.Lights.S01E02.1080p.WEB-GRP", "stream"],
  ["Harbour Lights (2021) S01E02", "stream"],
])("a job with the title %j and the file %j gets the subtitle of S01E02", async (videoTitle, file) => {
  const service = await startService(await startOpenSubtitles({ subtitles: episodes }));
  const videoUrl = `https://films.example/${encodeURIComponent(file)}`;
  const { job, file: stored } = await service.run({ videoTitle, videoUrl });
  expect([job.status, stored]).toEqual(["completed", subtitle("S01E02")]);
});

test.each([
  "Harbour.Lights.mkv",
  "Harbour.Lights.102.mkv",
  "Harbour.Lights.S01.1080p.mkv",
  "Harbour.Lights.2021.03.04.mkv",
  "Harbour.Lights.S01E04.mkv",
  "Season 3/Harbour.Lights.E02.mkv",
])("a job for %s, which has no subtitle, gets none of another episode", async (file) => {
  const stub = await startOpenSubtitles({ subtitles: episodes });
  const service = await startService(stub);
  const { job } = await service.run({ videoTitle: "Harbour Lights", videoUrl: `https://films.example/${file}` });
  expect([job.status, job.error?.code]).toEqual(["failed", "SUBTITLE_NOT_FOUND"]);
  expect(stub.called("POST /api/v1/download")).toEqual([]);
});

test.each([
  ["2003", "failed"],
  ["2022", "failed"],
  ["2020", "completed"],
])(
  "a series of %s is not one whose first season was shown in 2021, if that is long after or before: %s",
  async (year, status) => {
    const service = await startService(await startOpenSubtitles({ subtitles: episodes }));
    const { job } = await service.run({ videoTitle: `Harbour Lights (${year}) S01E02` });
    expect(job.status).toBe(status);
  },
);

test("the failure says that there are episodes, if the request names none", async () => {
  const service = await startService(await startOpenSubtitles({ subtitles: episodes }));
  const { job } = await service.run({ videoTitle: "Harbour Lights" });
  expect(job.error?.message).toBe(
    "No subtitle in en for this film among 4 subtitle files. Skipped: an episode, and the request does not name one, such as S01E02.",
  );
});

test("a double episode does not match one of its parts, and a part does not match the double episode", async () => {
  const double = entry(1, 2, { release: "Harbour.Lights.S01E02E03.1080p.WEB-GRP" });
  const both = await startService(
    await startOpenSubtitles({ subtitles: [entry(1, 2), { ...double, fileId: 7, text: subtitle("double") }] }),
  );
  const videoTitle = "Harbour Lights";
  const two = await both.run({ videoTitle, videoUrl: "https://films.example/Harbour.Lights.S01E02-E03.mkv" });
  expect([two.job.status, two.file]).toEqual(["completed", subtitle("double")]);
  const one = await both.run({ videoTitle, videoUrl: "https://films.example/Harbour.Lights.S01E02.mkv" });
  expect([one.job.status, one.file]).toEqual(["completed", subtitle("S01E02")]);
});

test("an entry whose release name is of another episode than its listing is not used", async () => {
  const listedWrongly = entry(1, 2, { release: "Harbour.Lights.S01E03.1080p.WEB-GRP" });
  const service = await startService(await startOpenSubtitles({ subtitles: [listedWrongly] }));
  const { job } = await service.run({ videoTitle: "Harbour Lights S01E02" });
  expect(job.error?.message).toContain("for another episode");
});

test("a film does not match an episode or a series of the same title", async () => {
  const service = await startService(
    await startOpenSubtitles({
      subtitles: [
        entry(1, 2),
        {
          fileId: 9,
          text: subtitle("film"),
          attributes: { feature_details: { title: "Low Tide", year: 2021 }, release: "Low.Tide.2021.WEB" },
        },
      ],
    }),
  );
  const film = await service.run({ videoTitle: "Low Tide" });
  expect([film.job.status, film.file]).toEqual(["completed", subtitle("film")]);
});

test("a file that was found by its hash is not used if it is of another episode", async () => {
  const hash = "0000000000020000"; // A hash of so many zeros.
  const stub = await startOpenSubtitles({ subtitles: [{ ...entry(1, 1), hash }, entry(1, 2)] });
  const service = await startService(stub);
  await service.put(["media/Harbour.Lights.1x02.mkv", Buffer.alloc(131_072)]);
  const videoUrl = `${service.root}/media/Harbour.Lights.1x02.mkv`;
  const { job, file } = await service.run({ videoTitle: "Harbour Lights", videoUrl });
  expect([job.status, file]).toEqual(["completed", subtitle("S01E02")]);
  expect(stub.called("GET /api/v1/subtitles")[0]).toContain(`moviehash=${hash}`);
});

test.each([
  [
    "a zip file with two subtitles",
    zipSync({ "1.srt": strToU8(subtitle("1")), "2.srt": strToU8(subtitle("2")) }),
    "exactly one",
  ],
  ["a RAR archive", strToU8("Rar!\u001a\u0007\u0000 and so on"), "RAR archive, which is not supported"],
  ["a page", strToU8("<html>"), "cannot be read as a subtitle"],
  ["nothing", new Uint8Array(), "missing, empty or too large"],
])("the failure for a file with %s names this reason, and not a missing subtitle", async (_what, content, why) => {
  const service = await startService();
  await service.put(["library/Ferry.en.zip", content], "library/Ferry.fr.srt");
  const { job } = await service.run({ videoTitle: "Ferry" });
  expect(job.error).toMatchObject({
    code: "SUBTITLE_UNUSABLE",
    message: expect.stringMatching(/^No subtitle in en for this film can be used\. Ferry\.en\.zip: /),
  });
  expect(job.error?.message).toContain(why);
});

test("the failure lists the languages of the other subtitles", async () => {
  const service = await startService();
  await service.put("library/Ferry.fr.srt", ["library/Ferry.de.srt", ""]);
  const { job } = await service.run({ videoTitle: "Ferry", targetLanguage: "es" });
  expect(job.error).toMatchObject({
    code: "SUBTITLE_NOT_FOUND",
    message: "No subtitle in en or es for this film among 2 subtitle files (there is one in de, fr).",
  });
});

test.each([
  ["files", ["library/Ferry (1998).en.srt", "library/Ferry.2021.1080p.WEB-GRP.en.srt"]],
  ["files, one of them in another language", ["library/Ferry (1998).en.srt", "library/Ferry (2021).es.srt"]],
])("films of two years and no year in the request: the failure asks for the year (%s)", async (_what, paths) => {
  const service = await startService();
  await service.put(...paths);
  const { job } = await service.run({ videoTitle: "Ferry" });
  expect(job.error).toMatchObject({
    code: "AMBIGUOUS_TITLE",
    message:
      "Films of 1998 and 2021 have this title, and the request does not name the year. " +
      'Delete this job and submit it again with the year in the title, such as "Title (1998)".',
  });
  const named = await service.run({ videoTitle: "Ferry (1998)" });
  expect(named.details.subtitle?.name).toBe("Ferry (1998).en.srt");
});

test("films of two years at the service and no year in the request: neither is used", async () => {
  const of = (fileId: number, year: number): StubSubtitle => ({
    fileId,
    text: subtitle(String(year)),
    attributes: { feature_details: { title: "Ferry", year }, release: `Ferry.${year}.WEB-GRP` },
  });
  const stub = await startOpenSubtitles({ subtitles: [of(1, 1998), of(2, 2021)] });
  const service = await startService(stub);
  const { job } = await service.run({ videoTitle: "Ferry" });
  expect(job.error?.code).toBe("AMBIGUOUS_TITLE");
  expect(stub.called("POST /api/v1/download")).toEqual([]);
  const named = await service.run({ videoTitle: "Ferry 2021" });
  expect(named.file).toBe(subtitle("2021"));
});

test("a file with the name of the video needs no year", async () => {
  const service = await startService();
  await service.put("media/Ferry.mkv", "media/Ferry.en.srt", "media/Ferry (1998).en.srt", "media/Ferry (2021).en.srt");
  const { details } = await service.run({ videoTitle: "Ferry", videoUrl: `${service.root}/media/Ferry.mkv` });
  expect(details.subtitle?.name).toBe("Ferry.en.srt");
});

test("the only file is used although its name has no language, and the details report an assumed language", async () => {
  const service = await startService();
  await service.put("media/Ferry.mkv", "media/Ferry.srt");
  const { job, details, file } = await service.run({
    videoTitle: "Ferry",
    videoUrl: `${service.root}/media/Ferry.mkv`,
  });
  expect([job.status, file]).toEqual(["completed", subtitle("media/Ferry.srt")]);
  expect(details).toMatchObject({
    subtitle: { source: "video", name: "Ferry.srt", language: "en", languageAssumed: true },
    warnings: ["The name of Ferry.srt does not give its language: it is assumed to be en."],
  });
});

test("a subtitle with a language in its name is preferred, also if it is from a later source", async () => {
  const service = await startService();
  await service.put("media/Ferry.mkv", "media/Ferry.srt", "library/Ferry.English.srt");
  const { details } = await service.run({ videoTitle: "Ferry", videoUrl: `${service.root}/media/Ferry.mkv` });
  expect(details).toMatchObject({ subtitle: { source: "library", language: "en", languageAssumed: false } });
  expect(details.warnings).toBeUndefined();
});

test("a file without a language is assumed to be in the source language of a translation", async () => {
  const service = await startService();
  await service.put("library/Ferry.srt");
  const { job, details } = await service.run({ videoTitle: "Ferry", targetLanguage: "es" });
  expect(job.status).toBe("translating");
  expect(details.subtitle).toMatchObject({ language: "en", languageAssumed: true });
});

test.each([
  ["there is another without one", ["library/Ferry.srt", "library/more/Ferry (2021).srt"], "it is not the only one"],
  ["there is one in another language", ["library/Ferry.srt", "library/Ferry.es.srt"], "it is not the only one"],
  ["another source has one", ["media/Ferry.srt", "library/Ferry.fr.srt"], "it is not the only one"],
])("a file without a language is not used if %s", async (_why, paths, reason) => {
  const service = await startService();
  await service.put("media/Ferry.mkv", ...paths);
  const { job } = await service.run({ videoTitle: "Ferry", videoUrl: `${service.root}/media/Ferry.mkv` });
  expect(job.error).toMatchObject({ code: "SUBTITLE_UNUSABLE", message: expect.stringContaining(reason) });
});

test("a language is not assumed if the text or the name contradicts it", async () => {
  const service = await startService();
  await service.put(
    ["library/Ferry.srt", subtitle("Привет, как дела?")],
    "library/Bridge.2021.German.1080p.WEB-GRP.srt",
  );
  const text = await service.run({ videoTitle: "Ferry" });
  expect(text.job.error?.message).toContain("its text is not in en");
  expect((await service.run({ videoTitle: "Ferry", language: "ru" })).job.status).toBe("completed");
  expect((await service.run({ videoTitle: "Bridge" })).job.error?.code).toBe("SUBTITLE_NOT_FOUND");
  expect((await service.run({ videoTitle: "Bridge", language: "de" })).job.status).toBe("completed");
});

test.each([
  ["en-US", "en"],
  ["es-MX", "es"],
  ["fr-CA", "fr"],
  ["sr-Latn", "sr"],
  ["zh-Hans", "zh-CN"],
  ["zh-CN", "zh-Hans"],
  ["zh-TW", "zh-Hant"],
  ["nb", "no"],
  ["no", "nb"],
])("a request in %s finds a file in %s", async (language, has) => {
  const service = await startService();
  await service.put(`library/Ferry.${has}.srt`);
  const { job, details } = await service.run({ videoTitle: "Ferry", language });
  expect([job.status, details.subtitle?.language]).toEqual(["completed", has]);
});

test.each([
  ["en-US", "en"],
  ["es-MX", "es"],
  ["fr-CA", "fr"],
  ["sr-Latn", "sr"],
  ["zh-Hans", "zh-cn"],
  ["zh-TW", "zh-tw"],
  ["zh-HK", "zh-tw"],
  ["nb", "no"],
  ["pt-BR", "pt-br"],
  ["pt", "pt-pt"],
])("a request in %s searches the service for %s, and uses what it finds", async (language, code) => {
  const stub = await startOpenSubtitles({
    subtitles: [{ fileId: 1, text: subtitle("found"), attributes: { language: code } }],
  });
  const service = await startService(stub);
  const { job, file } = await service.run({ videoTitle: "The Last Ferry", language });
  expect([job.status, file]).toEqual(["completed", subtitle("found")]);
  expect(stub.called("GET /api/v1/subtitles")).toEqual([expect.stringContaining(`languages=${code}&`)]);
});

test("a retry continues with the translation of the file from an earlier attempt", async () => {
  const { store, files, run } = await startService();
  const { job } = await run({ videoTitle: "Ferry", targetLanguage: "es" });
  expect(job.error?.code).toBe("SUBTITLE_NOT_FOUND");
  await files.save(job.id, "en", subtitle("found"));
  await store.updateStatus(job.id, "pending");
  const { history } = await store.waitFor(job.id, { until: ["translating"] });
  expect(history.at(-1)?.note).toBe("found by an earlier attempt");
});

test("a new job searches its subtitle, although an earlier job with the same id left a file", async () => {
  const { store, files, put } = await startService();
  await files.save("one", "en", subtitle("left behind"));
  await put("library/Ferry.en.srt");
  const film = { videoUrl: "https://films.example/stream", videoTitle: "Ferry", language: "en", targetLanguage: "es" };
  await store.create(film, { id: "one" });
  await store.waitFor("one", { until: ["translating"] });
  expect(await files.read("one", "en")).toBe(subtitle("library/Ferry.en.srt"));
});
