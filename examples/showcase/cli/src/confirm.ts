import { createInterface } from "node:readline";
import type { Output } from "./display.js";
import { usage } from "./exit.js";

/** Source of an answer: standard input, or a test. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export interface ConfirmOptions {
  /** True: --yes was given, so there is no question. */
  readonly yes: boolean;
  readonly input: Input;
  /** Output for the question. Standard output is for results. */
  readonly err: Output;
  readonly signal: AbortSignal;
}

/** Asks the user. @throws Exit if the input is not a terminal */
export async function confirm(question: string, { yes, input, err, signal }: ConfirmOptions): Promise<boolean> {
  if (yes) return true;
  if (!input.isTTY) throw usage(`${question} The input is not a terminal, so there can be no question. Add --yes.`);
  err.write(`${question} [y/N] `);
  for await (const line of createInterface({ input, signal })) return /^y(es)?$/i.test(line.trim());
  signal.throwIfAborted();
  return false;
}
