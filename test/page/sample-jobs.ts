import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { downloadQueue } from "../../examples/showcase/contracts/src/index.js";
import { type Service, samples } from "./service.js";

type Film = Pick<SubtitleData, "videoTitle"> & Partial<SubtitleData>;

/** Returns functions that store a job in one status, in the same way as the manager and the workers. */
export function sampleJobs({ store, files }: Pick<Service, "store" | "files">) {
  let count = 0;

  async function pending(film: Film) {
    count += 1;
    const data = { videoUrl: `https://films.example/${count}.mkv`, language: "en", ...film };
    const { job } = await store.create(data, { by: "manager" });
    return job;
  }

  async function downloading(film: Film) {
    const job = await store.updateStatus((await pending(film)).id, "downloading", { by: "downloader@media-1/4107" });
    await store.updateProgress(job, { stage: "searching", done: 1, total: 3 });
    return job;
  }

  async function translating(film: Film, done = 312, total = 640) {
    const found = await store.updateStatus((await pending({ targetLanguage: "es", ...film })).id, "downloading", {
      by: "downloader@media-1/4107",
    });
    await files.save(found.id, "en", await beginningOf("library/The Last Ferry (2021).en.srt"));
    const job = await store.updateStatus(found, "translating", {
      by: "downloader@media-1/4107",
      note: "found The Last Ferry (2021).en.srt (library)",
    });
    if (done > 0) await store.updateProgress(job, { stage: "translating", done, total });
    return job;
  }

  async function completed(film: Film) {
    const job = await translating(film);
    await files.save(job.id, "es", await beginningOf("media/The.Last.Ferry.2021.1080p.WEB.es.srt"));
    return store.updateStatus(job, "completed", {
      by: "translator@media-2/911",
      result: { downloadUrl: `https://films.example/${job.id}`, details },
    });
  }

  /** Stores a job that waits until the daily quota of the last source is renewed. */
  async function waiting(film: Film, hours: number) {
    const { id } = await pending(film);
    const by = "downloader@media-1/4107";
    const message = { queue: downloadQueue.name, id: `${id}.1.0`, payload: { jobId: id } };
    const options = { from: ["pending"], leaseMs: 60_000, key: "claim", message, by } as const;
    const claim = await store.claim(id, "downloading", options);
    if (claim.kind !== "claimed") throw new Error(`The job is not claimed: ${claim.kind}.`);
    return store.updateStatus(claim.job, "downloading", {
      by,
      note: "OpenSubtitles cannot be called: the quota is used up.",
      progress: { stage: "searching", done: 2, total: 3 },
      handled: true,
      leaseMs: hours * 3_600_000,
    });
  }

  async function failed(film: Film, error = notFound) {
    return store.updateStatus(await downloading(film), "failed", { by: "downloader@media-1/4107", error });
  }

  return { pending, downloading, translating, completed, waiting, failed };
}

/** Number of cues of a subtitle. It is small, so that axe checks the table quickly. */
const CUES = 12;

/** Returns the first cues of a sample file. */
async function beginningOf(sample: string): Promise<string> {
  return (await samples.read(sample))
    .toString()
    .split(/\r?\n\r?\n/)
    .slice(0, CUES)
    .join("\n\n");
}

const notFound = {
  message: "No subtitle in French for this film among 214 subtitle files (there is one in de, en).",
  code: "SUBTITLE_NOT_FOUND",
  retryable: false,
};

const details = {
  subtitle: {
    source: "library",
    name: "The Last Ferry (2021).en.srt",
    language: "en",
    format: "srt",
    encoding: "windows-1252",
    encodingFoundBy: "language",
    bytes: 14_211,
    because: "Same title and year, same language, not for the hearing impaired.",
    candidates: 3,
    passedOver: [
      { source: "library", name: "The.Last.Ferry.2021.SDH.en.srt", why: "for the hearing impaired" },
      { source: "opensubtitles", name: "The Last Ferry 2021 1080p WEB", why: "translated by a machine" },
    ],
  },
  translation: {
    provider: "translation memory",
    total: 97,
    covered: 94,
    coverage: 94 / 97,
    exact: 88,
    fuzzy: 6,
    machine: 0,
    fuzzyCues: [3, 9, 14, 22, 31, 40],
    uncovered: 3,
    uncoveredCues: [
      { index: 17, text: "Mind the gangway, it bites." },
      { index: 52, text: "Lights out in the harbour." },
      { index: 53, text: "All of them?" },
    ],
    resumed: 0,
  },
  warnings: ["The film is 3 minutes longer than the subtitle: it may be for another cut."],
};
