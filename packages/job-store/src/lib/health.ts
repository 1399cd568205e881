import type { StorageHealth } from "./driver.js";
import type { Health } from "./types.js";

/** A relay publishes within moments. What waits longer than this waits for one. */
const LONG_WAIT_MS = 60_000;

/** What a store says of itself, of what its storage found. */
export function healthOf(driver: string, { rejected, oldestWaitMs, ...found }: StorageHealth): Health {
  const warnings = [...found.warnings, ...rejectedWarnings(rejected ?? 0), ...waitWarnings(oldestWaitMs ?? 0)];
  return { ...found, driver, warnings };
}

/** The health of a store that could not even be asked. */
export function unhealthy(driver: string, error: string): Health {
  return { status: "unhealthy", driver, latencyMs: null, details: {}, warnings: [], error };
}

function rejectedWarnings(rejected: number): readonly string[] {
  if (rejected === 0) return [];
  const those = rejected === 1 ? "1 message is" : `${rejected} messages are`;
  const look = "outbox.rejected(), or npx @subtitles/job-store outbox --rejected, says why";
  return [`${those} set aside in the outbox, and not published: ${look}.`];
}

function waitWarnings(oldestWaitMs: number): readonly string[] {
  if (oldestWaitMs <= LONG_WAIT_MS) return [];
  const seconds = Math.floor(oldestWaitMs / 1000);
  return [`The oldest message in the outbox has waited ${seconds} s: is a relay running, and reaching its broker?`];
}
