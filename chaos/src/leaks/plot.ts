import { curves } from "../../../bench/src/harness/curves.js";
import type { Sample } from "./find-leaks.js";

/** Draws a curve for each measured resource. */
export function plotOf(samples: readonly Sample[], title: string): string {
  const panels = [
    { title: "Heap", unit: "MB", value: ({ heapMb }: Sample) => heapMb },
    { title: "Handles", unit: "", value: ({ handles }: Sample) => handles },
    { title: "Redis", unit: "MB", value: ({ redisMb }: Sample) => redisMb },
    { title: "Messages waiting", unit: "", value: ({ waiting }: Sample) => waiting },
  ];
  return curves(samples, panels, title, samples.at(-1)?.minute ?? 1);
}
