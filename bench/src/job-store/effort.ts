import type { Run } from "../frame/suite.js";

/** How often and how long the contenders of a store take turns. */
export function effort({ full }: Run) {
  return full
    ? { rounds: 11, roundMs: 300, warmUpMs: 1_500, most: 100_000 }
    : { rounds: 5, roundMs: 80, warmUpMs: 500, most: 20_000 };
}
