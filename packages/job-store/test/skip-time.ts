import { onTestFinished, vi } from "vitest";

/**
 * Returns a function that lets milliseconds pass at once, so that calls reach their deadline. Call it before the store is opened. Time also
 * passes by itself, on a busy machine more slowly than on a clock. With long deadlines, a call reaches its own only if the test skips time.
 */
export function skippableTime(): (ms: number) => void {
  vi.useFakeTimers({
    shouldAdvanceTime: true,
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
  onTestFinished(() => void vi.useRealTimers());
  return (ms) => void vi.advanceTimersByTime(ms);
}

const { now } = Date;

/** Changes the clock of this process, but not the clock of the server. */
export function setClock(aheadMs: number): void {
  vi.spyOn(Date, "now").mockImplementation(() => now() + aheadMs);
  onTestFinished(() => void vi.restoreAllMocks());
}
