import { randomBytes } from "node:crypto";

let prefix = "";
let count = Number.POSITIVE_INFINITY;

/**
 * Names one mutation, so that a retry of it is known for one. Eight letters and digits: five at random, then a count;
 * unique among the few that one job remembers for the length of a call.
 */
export function newOperationId(): string {
  if (count >= 36 ** 3) {
    prefix = (randomBytes(6).readUIntBE(0, 6) % 36 ** 5).toString(36).padStart(5, "0");
    count = 0;
  }
  return prefix + (count++).toString(36).padStart(3, "0");
}
