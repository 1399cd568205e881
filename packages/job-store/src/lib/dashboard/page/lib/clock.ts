import { computed, signal } from "@preact/signals";
import { hidden } from "./visibility.js";

// Time of the server. The browser's clock may be wrong, so the page measures from the newest `now` of a reply with the
// monotonic clock, which no change of the system time affects.

interface Reading {
  readonly server: number;
  readonly monotonic: number;
}

const reading = signal<Reading | null>(null);
const ticks = signal(0);

/** Takes the time of a reply. */
export function setServerTime(now: string): void {
  const server = Date.parse(now);
  if (!Number.isNaN(server)) reading.value = { server, monotonic: performance.now() };
}

/** Time of the server in milliseconds since the epoch, or null before the first reply. It moves on once per second while the tab is visible. */
export const serverNow = computed(() => {
  void ticks.value;
  return readServerTime();
});

/** Returns the time of the server at this moment, or null before the first reply. */
export function readServerTime(): number | null {
  const last = reading.value;
  return last === null ? null : last.server + (performance.now() - last.monotonic);
}

setInterval(() => {
  if (!hidden.value) ticks.value += 1;
}, 1000);
