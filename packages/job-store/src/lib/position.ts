import type { Position } from "./driver.js";

/** By time, then by id in byte order, as Redis orders. Ids are ASCII, so code units are bytes. */
export function comparePositions(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
