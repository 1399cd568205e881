import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Result } from "./round.js";

/** Completed round. */
export interface Round {
  readonly results: readonly Result[];
  /** Load average of the last minute. */
  readonly load: number;
}

/** Settings that are the same in all rounds of a run. */
export interface RunSettings {
  readonly node: string;
  readonly libraries: readonly string[];
}

const file = new URL("../../queue-kill.state.json", import.meta.url);

/** Writes the rounds atomically, because a run can be interrupted at any time. */
export async function saveRounds(settings: RunSettings, rounds: readonly Round[]): Promise<void> {
  const unfinished = new URL(`${file.href}.part`);
  await writeFile(unfinished, JSON.stringify({ settings, rounds }));
  await rename(unfinished, file);
}

/** Reads the rounds of an interrupted run. Returns an empty list if there is none. @throws if its settings differ */
export async function readRounds(settings: RunSettings): Promise<readonly Round[]> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return [];
  const found: { readonly settings: RunSettings; readonly rounds: readonly Round[] } = JSON.parse(text);
  if (JSON.stringify(found.settings) !== JSON.stringify(settings)) {
    throw new Error(
      "The interrupted run used another version of Node.js or other libraries. Start a new run without --resume.",
    );
  }
  return found.rounds;
}

/** Removes the saved rounds of a completed run. */
export async function removeRounds(): Promise<void> {
  await rm(file, { force: true });
}
