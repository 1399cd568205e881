import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createLog, memoryProviderStates, type ProviderStates } from "@showcase/contracts";
import { expect, onTestFinished, test } from "vitest";
import { openSubtitlesClient } from "../../src/opensubtitles/client.js";
import { movieHash } from "../../src/opensubtitles/hash.js";
import type { OpenSubtitlesOptions } from "../../src/opensubtitles/options.js";
import { openSubtitlesSource } from "../../src/opensubtitles/source.js";
import type { Wanted } from "../../src/sources/source.js";
import { whileCollectingGarbage } from "../garbage.js";
import { ACCOUNT, API_KEY, type StubSubtitle, startOpenSubtitles } from "./server.js";

const signal = new AbortController().signal;
const srt = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";
const film: Wanted = {
  videoUrl: "https://films.example/The.Last.Ferry.2021.1080p.WEB-GRP.mkv",
  videoTitle: "The Last Ferry (2021)",
  language: "en",
  targetLanguage: null,
  preferredSources: [],
  languages: ["en"],
};
const one: StubSubtitle = { fileId: 7, text: srt };

type Stub = Awaited<ReturnType<typeof startOpenSubtitles>>;

function sourceFor(
  stub: Stub,
  options: Partial<OpenSubtitlesOptions> & { readonly mediaRoots?: readonly string[] } = {},
) {
  const states: ProviderStates = options.states ?? memoryProviderStates();
  const client = openSubtitlesClient({
    apiKey: API_KEY,
    account: ACCOUNT,
    userAgent: "Test v1.0",
    baseUrl: stub.baseUrl,
    log: createLog("test", "silent"),
    states,
    betweenRequestsMs: 0,
    ...options,
  });
  return { source: openSubtitlesSource(client, options.mediaRoots ?? []), states };
}

/** Reads the candidates' files, in the order of the search. */
async function read(stub: Stub, options: Parameters<typeof sourceFor>[1] = {}, wanted = film) {
  const { source, states } = sourceFor(stub, options);
  const { candidates } = await source.search(wanted, signal);
  const [first] = candidates;
  return { file: first ? await first.read(signal) : undefined, states };
}

test("a film is found by its title, and its file is fetched from the link", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  const { file, states } = await read(stub);
  expect(String(file)).toBe(srt);
  expect(stub.calls).toEqual([
    "POST /api/v1/login",
    "GET /api/v1/subtitles?languages=en&query=the+last+ferry+2021",
    "POST /api/v1/download",
    "GET /files/7",
  ]);
  expect(await states.get("opensubtitles")).toMatchObject({
    remaining: 19,
    allowed: 20,
    resetsAt: stub.resetsAt.toISOString().replace(/\.\d+/, ".000"),
    throttledUntil: null,
  });
});

test("a file in a media folder is searched by its hash first", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hash-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "film.mkv");
  await writeFile(path, Buffer.alloc(131_072));
  const hash = "0000000000020000"; // Hash of a file with so many zeros.
  expect(await movieHash(path)).toBe(hash);

  const stub = await startOpenSubtitles({ subtitles: [one, { fileId: 8, text: "by hash", hash }] });
  const wanted = { ...film, videoUrl: pathToFileURL(path).href };
  expect(String((await read(stub, { mediaRoots: [folder] }, wanted)).file)).toBe("by hash");
  expect(stub.called("GET /api/v1/subtitles")).toEqual([`GET /api/v1/subtitles?languages=en&moviehash=${hash}`]);

  const elsewhere = await read(stub, { mediaRoots: [] }, wanted);
  expect(String(elsewhere.file)).toBe(srt);
});

test("a file that is too small or not a regular file has no hash", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hash-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "small.mkv"), Buffer.alloc(131_071));
  expect(await movieHash(join(folder, "small.mkv"))).toBeNull();
  expect(await movieHash(folder)).toBeNull();
  expect(await movieHash(join(folder, "absent.mkv"))).toBeNull();
});

test("candidates have the traits for the choice, and those that cannot be used are skipped with the reason", async () => {
  const stub = await startOpenSubtitles({
    subtitles: [
      { fileId: 1, attributes: { release: "The.Last.Ferry.2021.1080p.WEB-GRP", from_trusted: true, ratings: 8.5 } },
      { fileId: 2, attributes: { release: "Machine", machine_translated: true } },
      { fileId: 3, attributes: { release: "AI", ai_translated: true } },
      { fileId: 4, attributes: { release: "Forced", foreign_parts_only: true } },
      { fileId: 5, attributes: { release: "Two discs", files: [{ file_id: 5 }, { file_id: 6 }] } },
      { fileId: 6, attributes: { release: "Empty", files: [] } },
      { fileId: 8, attributes: { feature_details: { title: "The Last Ferry", year: 1987 } } },
      { fileId: 9, attributes: { feature_details: { title: "The Last Ferry Home", year: 2021 } } },
    ],
  });
  const { candidates, passedOver, looked } = await sourceFor(stub).source.search(film, signal);
  expect(candidates.map(({ name, language, traits }) => ({ name, language, traits }))).toEqual([
    {
      name: "The.Last.Ferry.2021.1080p.WEB-GRP",
      language: "en",
      traits: { hearingImpaired: false, sameFile: false, sharedWords: 7, trusted: true, rating: 8.5, downloads: 10 },
    },
  ]);
  expect(passedOver?.map(({ name, why }) => `${name}: ${why}`)).toEqual([
    "Machine: translated by a machine",
    "AI: translated by a machine",
    "Forced: only for the parts in a foreign language",
    "Two discs: in 2 files, for a film that is in one",
    "Empty: without a file",
  ]);
  expect(looked).toBe(6);
});

test("attributes that are null, missing or of another kind are accepted", async () => {
  const nothing = Object.fromEntries(
    ["release", "download_count", "ratings", "hearing_impaired", "feature_details", "from_trusted"].map((key) => [
      key,
      null,
    ]),
  );
  const stub = await startOpenSubtitles({
    subtitles: [
      { fileId: 1, attributes: { ...nothing, release: "The Last Ferry 2021" } },
      { fileId: 2, attributes: { language: null } },
      { fileId: 3, attributes: { download_count: "12", files: null } },
    ],
  });
  const { candidates } = await sourceFor(stub).source.search(film, signal);
  expect(candidates.map(({ name, traits }) => [name, traits.downloads])).toEqual([["The Last Ferry 2021", 0]]);
});

test("an episode is searched by season and number, and no other one is used", async () => {
  const details = { title: "Low Tide", parent_title: "Harbour Lights", season_number: 1, episode_number: 2 };
  const stub = await startOpenSubtitles({
    subtitles: [
      { fileId: 1, text: "wrong", attributes: { feature_details: { ...details, episode_number: 3 } } },
      { fileId: 2, text: "right", attributes: { feature_details: details } },
    ],
  });
  const { file } = await read(stub, {}, { ...film, videoTitle: "Harbour Lights S01E02" });
  expect(String(file)).toBe("right");
  expect(stub.called("GET /api/v1/subtitles")).toEqual([
    "GET /api/v1/subtitles?episode_number=2&languages=en&query=harbour+lights&season_number=1",
  ]);
});

test("requests have the service's codes of languages, and results have tags", async () => {
  const stub = await startOpenSubtitles({
    subtitles: ["pt-PT", "pt-br", "ze", "zh-tw"].map((language, at) => ({ fileId: at, attributes: { language } })),
  });
  const wanted = { ...film, languages: ["pt", "pt-BR", "zh-Hant"] };
  const { candidates } = await sourceFor(stub).source.search(wanted, signal);
  expect(stub.called("GET")).toEqual([expect.stringContaining("languages=pt-br%2Cpt-pt%2Czh-tw")]);
  expect(candidates.map(({ language }) => language)).toEqual(["pt-BR", "zh-TW"]);
});

test("concurrent calls share a token, and renew it once after a 401 or 406", async () => {
  for (const staleToken of [401, 406] as const) {
    const stub = await startOpenSubtitles({ subtitles: [one] });
    const { source } = sourceFor(stub);
    const found = await Promise.all([source.search(film, signal), source.search(film, signal)]);
    expect(stub.called("POST /api/v1/login")).toHaveLength(1);
    stub.faults.staleToken = staleToken;
    expect(String(await found[0]?.candidates[0]?.read(signal))).toBe(srt);
    expect(stub.called("POST /api/v1/login")).toHaveLength(2);
  }
});

test("a login can name another host of the service, but not any host", async () => {
  const elsewhere = await startOpenSubtitles({ subtitles: [one], loginHost: "localhost:%s" });
  const trusting = await read(elsewhere, { trustedHosts: ["localhost"] });
  expect(String(trusting.file)).toBe(srt);

  const astray = await startOpenSubtitles({ subtitles: [one], loginHost: "films.invalid" });
  expect(String((await read(astray)).file)).toBe(srt); // The client still uses the first host.
});

test("a wrong password is not tried again by any worker", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  const states = memoryProviderStates();
  for (let at = 0; at < 3; at++) {
    const failure = read(stub, { states, account: { ...ACCOUNT, password: "hunter2" } });
    await expect(failure).rejects.toThrow("OpenSubtitles cannot be called: it rejects the user name or the password.");
    await expect(failure).rejects.not.toThrow("hunter2");
  }
  expect(stub.calls).toEqual(["POST /api/v1/login"]);
});

test("a rejected key is reported, without the key in the message", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  const failure = read(stub, { apiKey: "stolen-key", account: undefined });
  await expect(failure).rejects.toThrow(
    expect.objectContaining({
      code: "PROVIDER_UNAVAILABLE",
      retryable: true,
      message: expect.stringContaining("API key"),
    }),
  );
  await expect(failure).rejects.not.toThrow("stolen-key");
});

test("the last download of the quota is used, and no worker requests another one", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one], quota: 1 });
  const { file, states } = await read(stub);
  expect(String(file)).toBe(srt);
  expect(await states.get("opensubtitles")).toMatchObject({ remaining: 0 });
  await expect(read(stub, { states })).rejects.toThrow(
    expect.objectContaining({
      name: "RetryLater",
      message: "OpenSubtitles cannot be called: the quota is used up.",
      // The service uses seconds without a fraction.
      at: new Date(new Date(stub.resetsAt).setMilliseconds(0)),
    }),
  );
  expect(stub.called("POST /api/v1/download")).toHaveLength(1);
});

test("a quota that others used up is noted from the error response", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one], quota: 0 });
  const states = memoryProviderStates();
  await expect(read(stub, { states })).rejects.toThrow("the quota is used up");
  expect(await states.get("opensubtitles")).toMatchObject({ remaining: 0, resetsAt: expect.stringMatching(/\.000Z$/) });
});

test("the call waits for a short throttling, and shares a long one with the other workers", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  stub.faults.tooMany = { times: 1, retryAfter: "0" };
  expect(String((await read(stub, { account: undefined })).file)).toBe(srt);

  stub.faults.tooMany = { times: 1, retryAfter: "30" };
  const states = memoryProviderStates();
  const failure = await read(stub, { states, account: undefined }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: "RetryLater", message: expect.stringContaining("too many requests") });
  expect(failure).toHaveProperty("at");
  const before = stub.calls.length;
  await expect(read(stub, { states, account: undefined })).rejects.toThrow(
    "OpenSubtitles cannot be called: too many requests.",
  );
  expect(stub.calls.length).toBe(before);
});

test("a request with a gateway's error page is repeated, and then the service is not called for some time", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  stub.faults.badGateway = 1;
  expect(String((await read(stub, { account: undefined })).file)).toBe(srt);

  stub.faults.badGateway = 2;
  const failure = read(stub, { account: undefined, maxRetries: 1 });
  await expect(failure).rejects.toThrow(
    expect.objectContaining({ name: "RetryLater", message: expect.stringContaining("out of order") }),
  );
});

test("a job with an unreachable service is tried again later", async () => {
  const stub = await startOpenSubtitles({});
  await stub.close();
  const failure = read(stub, { account: undefined, maxRetries: 0 });
  await expect(failure).rejects.toThrow("OpenSubtitles cannot be reached (ECONNREFUSED).");
});

test.each(["no reply", "half a reply"] as const)("a request with %s fails after its timeout", async (silent) => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  stub.faults.silent = silent;
  const call = read(stub, { account: undefined, maxRetries: 0, timeoutMs: 300 });
  await expect(whileCollectingGarbage(call)).rejects.toThrow(/no reply within 300 ms|out of order/);
});

test("requests have a minimum time between them", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  const { source } = sourceFor(stub, { account: undefined, betweenRequestsMs: 60 });
  const begin = performance.now();
  await Promise.all([1, 2, 3].map(() => source.search(film, signal)));
  expect(performance.now() - begin).toBeGreaterThanOrEqual(115);
});

test("an expired link is requested again", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one] });
  stub.faults.expiredLinks = 1;
  expect(String((await read(stub)).file)).toBe(srt);
  expect(stub.called("POST /api/v1/download")).toHaveLength(2);
});

test("an empty file counts as missing", async () => {
  const stub = await startOpenSubtitles({ subtitles: [{ fileId: 1, text: "" }] });
  expect((await read(stub)).file).toBeNull();
});

test("while the shared state is unavailable, a worker uses its own information", async () => {
  const stub = await startOpenSubtitles({ subtitles: [one], quota: 1 });
  const away = () => Promise.reject(new Error("Redis is unavailable."));
  const states: ProviderStates = { list: away, get: away, note: away, async [Symbol.asyncDispose]() {} };
  const { source } = sourceFor(stub, { states });
  const { candidates } = await source.search(film, signal);
  expect(String(await candidates[0]?.read(signal))).toBe(srt);
  await expect(candidates[0]?.read(signal)).rejects.toThrow("the quota is used up");
});
