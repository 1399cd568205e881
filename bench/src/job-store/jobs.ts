import { randomUUID } from "node:crypto";
import { defineJob } from "@subtitles/job-store";
import { z } from "zod";

/** Definition of a subtitle job, similar to the one of the examples. */
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

/** Data of every job: 560 bytes of JSON. With id and status, each library stores 600 bytes. */
export const data = { ...short, notes: "x".repeat(560 - JSON.stringify(short).length) };

/** Returns a job as JSON, for libraries that store text. */
export function document(id: string, status: string): string {
  return JSON.stringify({ id, status, ...data });
}

export function newIds(count: number): readonly string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** Makes a call for each item, 256 at a time. */
export async function forEach<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await call(items[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(256, items.length) }, worker));
}
