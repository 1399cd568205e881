import type { Job } from "../../index.js";
import type { Report } from "./definitions.js";

/** A job that no store has seen yet, with a past of its own. */
export function imported(id: string, change: Partial<Job<Report>> = {}): Job<Report> {
  return {
    id,
    status: "checking",
    version: 7,
    attempt: 3,
    data: { title: "Imported", body: { pages: 12 } },
    progress: { done: 0.5 },
    result: null,
    error: null,
    createdAt: new Date("2024-02-29T12:00:00.001Z"),
    updatedAt: new Date("2024-03-03T12:00:00.003Z"),
    statusAt: new Date("2024-03-02T12:00:00.002Z"),
    expiresAt: null,
    history: [
      { from: null, to: "waiting", at: new Date("2024-02-29T12:00:00.001Z"), version: 1, by: "old system" },
      { from: "waiting", to: "checking", at: new Date("2024-03-02T12:00:00.002Z"), version: 6, note: "by hand" },
    ],
    ...change,
  } as Job<Report>;
}
