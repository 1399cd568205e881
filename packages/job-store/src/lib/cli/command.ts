import type { Readable } from "node:stream";
import type { Options } from "./arguments.js";
import type { OpenedStore } from "./open.js";
import type { Output } from "./output.js";

/** What a command is given. */
export interface Context extends Omit<OpenedStore, typeof Symbol.asyncDispose> {
  readonly options: Options;
  readonly operands: readonly string[];
  readonly output: Output;
  /** Asks whoever sits there; true without asking where they said --yes. */
  confirm(question: string): Promise<boolean>;
  readonly stdin: Readable;
  /** Aborts at Ctrl-C, and where nobody reads the output any more. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** Its own options, besides those that every command takes. */
  readonly options: readonly string[];
  /** How many words it takes, at least and at most. */
  readonly operands: readonly [least: number, most: number];
  /** Looks at them before anything is opened. @throws UsageError */
  check?(options: Options, operands: readonly string[]): void;
  /** @returns the exit code */
  run(context: Context): Promise<number>;
}
