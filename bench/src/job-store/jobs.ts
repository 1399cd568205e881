import { randomUUID } from "node:crypto";
import { defineJob } from "@subtitles/job-store";
import { z } from "zod";

/** A subtitle job, as the examples have it. */
export const subtitleJob = defineJob({
  name: "bench",
  data: z.object({ videoUrl: z.string(), videoTitle: z.string(), language: z.string(), notes: z.string() }),
  result: z.object({ downloadUrl: z.string() }),
  initial: "pending",
  statuses: {
    pending: { next: ["downloading", "failed"] },
    downloading: { next: ["downloading", "translating", "completed", "failed"] },
    translating: { next: ["translating", "completed", "failed"] },
    completed: { next: [], final: true, ttlSeconds: 24 * 3600 },
    failed: { next: ["pending"], final: true, ttlSeconds: 24 * 3600 },
  },
});

const short = {
  videoUrl: "https://videos.example/watch?v=dQw4w9WgXcQ",
  videoTitle: "A film",
  language: "en",
  notes: "",
};

/** 560 bytes of JSON: with its id and its status, the job of 600 bytes that everyone stores. */
export const data = { ...short, notes: "x".repeat(560 - JSON.stringify(short).length) };

/** As one stores a job by hand. */
export function document(id: string, status: string): string {
  return JSON.stringify({ id, status, ...data });
}

export function newIds(count: number): readonly string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** Calls for each, some hundred at a time. */
export async function forEach<T>(all: readonly T[], call: (one: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < all.length) await call(all[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(256, all.length) }, worker));
}
