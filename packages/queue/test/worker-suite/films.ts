import { defineJob } from "@subtitles/job-store";
import { z } from "zod";
import { defineQueue } from "../../src/index.js";

/** Jobs of the tests: a film is rendered, can wait for its subtitles, and can be encoded by another worker. */
export const films = defineJob({
  name: "film",
  data: z.object({ title: z.string(), studio: z.string().optional() }),
  result: z.object({ url: z.string() }),
  progress: z.object({ percent: z.number().min(0).max(100) }),
  initial: "pending",
  statuses: {
    pending: { next: ["rendering", "cancelled", "failed"] },
    rendering: { next: ["rendering", "pending", "waiting", "encoding", "done", "failed", "cancelled"] },
    waiting: { next: ["rendering", "pending", "cancelled"] },
    encoding: { next: ["encoding", "done", "failed", "cancelled"] },
    done: { next: [], final: true },
    failed: { next: ["pending"], final: true },
    cancelled: { next: ["pending"], final: true },
  },
  index: { studio: ({ studio }) => studio },
});
export type Films = typeof films;

export const renderings = defineQueue({
  name: "renderings",
  payload: z.object({ jobId: z.string() }),
  retryDelaysMs: [1_000, 5_000],
});
export const encodings = defineQueue({ name: "encodings", payload: z.object({ jobId: z.string() }) });
