import type { JobToSave, StatusOf } from "../../src/index.js";
import type { Film, FilmStore } from "./place.js";

const MINUTE = 60_000;

const TITLES = [
  "Night Train to Lisbon (2013)",
  "The Lighthouse Keeper (1998)",
  "Le Fabuleux Destin d’Amélie Poulain (2001)",
  "Harbour Lights S01E02 (2023)",
  "Ταξίδι στα Κύθηρα (1984)",
  "The Last Ferry (2021)",
  "A Film Without Subtitles (1974)",
];

/** Stores a job that has been in a status for so many minutes. */
export async function filmIn(
  store: FilmStore,
  id: string,
  status: StatusOf<Film>,
  minutes: number,
  data: { readonly title: string; readonly user?: string; readonly parent?: string },
): Promise<void> {
  const now = Date.now();
  const at = new Date(now - minutes * MINUTE);
  const createdAt = new Date(at.getTime() - 2 * MINUTE);
  const ways: Readonly<Record<string, readonly StatusOf<Film>[]>> = {
    pending: [],
    downloading: ["downloading"],
    translating: ["downloading", "translating"],
    completed: ["downloading", "translating", "completed"],
    failed: ["downloading", "failed"],
    review: ["downloading", "failed", "review"],
  };
  const way: readonly StatusOf<Film>[] = ["pending", ...(ways[status] ?? [])];
  await store.save({
    id,
    status,
    version: way.length,
    attempt: 1,
    data: { language: "fr", ...data },
    progress: status === "translating" ? { done: 312, of: 640 } : null,
    result: status === "completed" ? { file: `${id}.srt` } : null,
    error:
      status === "failed"
        ? { message: "No subtitle in French among 214 files.", code: "NO_SUBTITLE", retryable: false }
        : null,
    expiresAt: null,
    createdAt: way.length === 1 ? at : createdAt,
    updatedAt: at,
    statusAt: at,
    history: way.map((to, n) => ({
      from: way[n - 1] ?? null,
      to,
      version: n + 1,
      at: n === way.length - 1 ? at : new Date(createdAt.getTime() + n * 30_000),
      by: n === 0 ? "api@web-1" : "downloader@host-2/41",
      note: to === "failed" ? "The provider answered 404." : undefined,
    })),
  } as JobToSave<Film>);
}

/** Fills a store with an hour of work: jobs in every status, workers, a paused queue and messages. Returns the ids of some jobs. */
export async function fillStore(store: FilmStore) {
  const id = (n: number) => `0193f0a2-7c1e-7${String(n).padStart(3, "0")}-9b1c-4ad1e2f3${String(1000 + n)}`;
  const mix = ["completed", "completed", "failed", "completed", "translating", "completed", "downloading"] as const;
  const parent = "season-1-harbour-lights";
  await filmIn(store, parent, "translating", 41, { title: "Harbour Lights, season 1", user: "ada" });
  for (let n = 0; n < 120; n++) {
    const minutes = Math.abs(30 + 29 * Math.sin(n * 1.7)) + (n % 3) / 2;
    const isRecent = minutes < 14;
    const status = isRecent && n % 4 === 0 ? "pending" : (mix[n % mix.length] ?? "completed");
    const title = TITLES[n % TITLES.length] ?? "";
    await filmIn(store, id(n), status, minutes, {
      title,
      user: n % 2 === 0 ? "ada" : "grace",
      ...(title.startsWith("Harbour") && { parent }),
    });
  }
  await store.announceWorker(workerOf("downloads", "downloader@host-2/41", "downloading"), [], 60_000);
  await store.announceWorker(
    { ...workerOf("translations", "translator@host-3/77", "translating"), state: "waiting", pid: 77 },
    [],
    60_000,
  );
  await store.pauseQueue("downloads", {
    until: new Date(Date.now() + 48 * MINUTE),
    reason: "The provider answered 429.",
    by: "grace@example.com",
  });
  const { job: waiting } = await store.create(
    { title: "Night Train to Lisbon (2013)", user: "ada" },
    { id: "film-waiting" },
  );
  const [entry] = await store.outbox.read();
  if (entry !== undefined)
    await store.outbox.reject([entry.entryId], "The queue “download” is not among the queues of the relay.");
  return { parent, failed: id(2), completed: id(0), waiting: waiting.id };
}

/** Returns a worker that started three hours ago. */
export function workerOf(queue: string, by: string, working: StatusOf<Film>) {
  return {
    id: `0193f0a2-7c1e-7000-9b1c-${queue
      .padEnd(12, "0")
      .slice(0, 12)
      .replace(/[^0-9a-f]/g, "1")}`,
    by,
    queue,
    from: ["pending"] as const,
    working,
    host: by.split("@")[1]?.split("/")[0] ?? "host",
    pid: 41,
    version: "2.4.1",
    state: "running" as const,
    concurrency: 8,
    startedAt: new Date(Date.now() - 3 * 60 * MINUTE),
  };
}
