import type { Findings } from "./probe.js";

/** What is wrong with a user's permissions or with foreign keys, and what to do about it; null: nothing. */
export function complaint({ commands, keys, foreign }: Findings): string | null {
  if (commands.length + keys.length > 0) {
    const what = [
      ...commands.map((command) => `the command ${command.toUpperCase()}`),
      ...keys.map((key) => `the key ${key}`),
    ];
    const grants = [...commands.map((command) => `+${command}`), ...keys.map((key) => `~${key}`)];
    return `The Redis user lacks permissions: ${what.join(", ")}. Grant ${grants.join(" ")}; redisPermissions() lists all that are needed`;
  }
  if (foreign.length === 0) return null;
  return `${foreign.join(", ")} holds something that this store did not write. Remove it, or use another key prefix`;
}
