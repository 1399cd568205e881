import { openSync, readFileSync, writeSync } from "node:fs";

/**
 * What happens in a client's process: it calls publish; the call is confirmed, or fails, perhaps saying that the message may
 * be stored all the same; a delivery begins, and its handler ends; an error or rejection that nobody caught; the closing
 * that ended.
 */
export type Happening = "called" | "confirmed" | "failed" | "unsure" | "delivered" | "handled" | "uncaught" | "closed";

export interface Entry {
  readonly what: Happening;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** A message's id, or words. */
  readonly about: string;
}

/** Written at once, so that it tells of a process that died as well. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(what: Happening, about: string): void {
    writeSync(this.#file, `${what}\t${(performance.timeOrigin + performance.now()).toFixed(1)}\t${about}\n`);
  }
}

export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [what, at, ...about] = line.split("\t");
    return { what: what as Happening, at: Number(at), about: about.join("\t") };
  });
}
