import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Result } from "./round.js";

/** A round that counts. */
export interface Round {
  readonly results: readonly Result[];
  /** Processes with work, on average, in its last minute. */
  readonly load: number;
}

/** What the rounds of a run have in common. */
export interface Setting {
  readonly node: string;
  readonly libraries: readonly string[];
}

const file = new URL("../../queue-kill.state.json", import.meta.url);

/** Whole or not at all: a run may be broken off at any moment. */
export async function save(setting: Setting, rounds: readonly Round[]): Promise<void> {
  const unfinished = new URL(`${file.href}.part`);
  await writeFile(unfinished, JSON.stringify({ setting, rounds }));
  await rename(unfinished, file);
}

/** The rounds of a run that was broken off; none where there was no such run. Refuses those of another setting. */
export async function saved(setting: Setting): Promise<readonly Round[]> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return [];
  const found: { readonly setting: Setting; readonly rounds: readonly Round[] } = JSON.parse(text);
  if (JSON.stringify(found.setting) !== JSON.stringify(setting)) {
    throw new Error("the run that was broken off had another Node or other clients: begin anew, without --resume");
  }
  return found.rounds;
}

/** The run is complete. */
export async function forget(): Promise<void> {
  await rm(file, { force: true });
}
