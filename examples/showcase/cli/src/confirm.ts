import { createInterface } from "node:readline";
import type { Output } from "./display.js";
import { usage } from "./exit.js";

/** Source of an answer: standard input, or a test. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export interface ConfirmOptions {
  /** True: --yes was given, and no question is asked. */
  readonly yes: boolean;
  readonly input: Input;
  /** Output for the question. Standard output is for results. */
  readonly err: Output;
  readonly signal: AbortSignal;
}

/** Asks whoever sits there. @throws Exit where nobody does */
export async function confirm(question: string, { yes, input, err, signal }: ConfirmOptions): Promise<boolean> {
  if (yes) return true;
  if (!input.isTTY) throw usage(`${question} Nobody is here to be asked: add --yes.`);
  err.write(`${question} [y/N] `);
  for await (const line of createInterface({ input, signal })) return /^y(es)?$/i.test(line.trim());
  signal.throwIfAborted();
  return false;
}
