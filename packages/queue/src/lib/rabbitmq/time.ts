const FIRST_PAUSE_MS = 100;
/** Short enough to be back within two seconds of the broker. */
const LONGEST_PAUSE_MS = 1_000;

/** Full jitter: services that lost the same broker do not all come back in the same moment. */
export function jitteredPauseMs(failures: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}
