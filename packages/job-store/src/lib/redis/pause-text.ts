import type { QueuePause } from "../driver.js";

/** End of a pause without an end; see lua/includes/pauses.lua. */
const NEVER = "9999999999999";

/** Returns the end of a pause, and its reason and author, as lua/includes/pauses.lua describes them. */
export function pauseArgs({ until, reason, by }: Omit<QueuePause, "queue" | "since">): readonly [string, string] {
  const end = until === null ? NEVER : String(until).padStart(NEVER.length, "0");
  return [end, JSON.stringify({ reason, by })];
}

/** Reads a pause as lua/includes/pauses.lua describes it. */
export function readPause(text: string): Omit<QueuePause, "queue"> {
  const [times = "", why = ""] = text.split(/\n(.*)/s, 2);
  const [since, until] = times.split(" ");
  return { since: Number(since), until: until === NEVER ? null : Number(until), ...JSON.parse(why) };
}
