import type { StorageHealth } from "./driver.js";
import type { Health } from "./store.js";

/** What a store says of itself, of what its storage found. */
export function healthOf(driver: string, { rejected, ...found }: StorageHealth): Health {
  return { ...found, driver, warnings: [...found.warnings, ...outboxWarnings(rejected ?? 0)] };
}

/** The health of a store that could not even be asked. */
export function unhealthy(driver: string, error: string): Health {
  return { status: "unhealthy", driver, latencyMs: null, details: {}, warnings: [], error };
}

function outboxWarnings(rejected: number): readonly string[] {
  if (rejected === 0) return [];
  const those = rejected === 1 ? "1 message is" : `${rejected} messages are`;
  const look = "outbox.rejected(), or npx @subtitles/job-store outbox --rejected, says why";
  return [`${those} set aside in the outbox, and not published: ${look}.`];
}
