import type { Run } from "../frame/suite.js";

/** Confirms of a quorum queue come in bursts, so rounds are longer than those of a store. */
export function effort({ full }: Run) {
  return full ? { rounds: 15, roundMs: 1_000, most: 20_000 } : { rounds: 5, roundMs: 500, most: 10_000 };
}
