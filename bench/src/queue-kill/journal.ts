import { openSync, readFileSync, writeSync } from "node:fs";

export type EntryKind =
  /** A call of publish started. */
  | "called"
  /** The broker confirmed the message. */
  | "confirmed"
  /** The call failed, and the message was not stored. */
  | "failed"
  /** The call failed, and the message may have been stored. */
  | "indeterminate"
  /** A handler started. */
  | "delivered"
  /** A handler ended. */
  | "handled"
  /** An uncaught error or an unhandled rejection occurred. */
  | "uncaught"
  /** The call of close ended. */
  | "closed";

export interface Entry {
  readonly kind: EntryKind;
  /** Time in ms since 1970. */
  readonly at: number;
  /** Id of the message, or text of the error. */
  readonly about: string;
}

/** File of entries. `write` returns after the entry is written, so that no entry is lost if the process is killed. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(kind: EntryKind, about: string): void {
    writeSync(this.#file, `${kind}\t${(performance.timeOrigin + performance.now()).toFixed(1)}\t${about}\n`);
  }
}

export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [kind, at, ...about] = line.split("\t");
    return { kind: kind as EntryKind, at: Number(at), about: about.join("\t") };
  });
}
