import type { ListPosition } from "./driver.js";

/** Compares by time, then by id in byte order, like Redis. Ids are ASCII, so their code units are bytes. */
export function comparePositions(a: ListPosition, b: ListPosition): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
