const FIRST_PAUSE_MS = 100;
/** Short enough to be back within two seconds of the broker. */
const LONGEST_PAUSE_MS = 1_000;

/** Full jitter: services that lost the same broker do not all come back in the same moment. */
export function jitteredPauseMs(failures: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}

/** A broker that has just come back, with everyone at its door, is slow. */
const LONGEST_CONNECT_MS = 5_000;
const SHORTEST_CONNECT_MS = 1_000;

/** For one attempt to connect. Where there are several addresses, each gets its turn within the time that a call has. */
export function connectLimitMs(addresses: number, timeoutMs: number): number {
  if (addresses === 1) return LONGEST_CONNECT_MS;
  return Math.min(LONGEST_CONNECT_MS, Math.max(SHORTEST_CONNECT_MS, timeoutMs / addresses));
}
