import type { Run } from "../frame/suite.js";

/** Confirms of a quorum queue come in bursts, so rounds are longer than those of a store. */
export function effort({ full }: Run) {
  return full
    ? { rounds: 11, roundMs: 1_000, warmUpMs: 1_500, most: 20_000 }
    : { rounds: 5, roundMs: 500, warmUpMs: 500, most: 10_000 };
}
