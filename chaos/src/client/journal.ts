import { openSync, writeSync } from "node:fs";
import type { Line } from "../record.js";

/** Writes each line before it returns: what was written survives the process, however it ends. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  say(text: string): void {
    this.write({ line: "said", text, at: now() });
  }
}

/** By the clock that the servers of a run read, too. */
export function now(): number {
  return Date.now();
}
