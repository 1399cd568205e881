import { PassThrough } from "node:stream";

/** Output for tests, instead of a terminal or a pipe. */
export function createOutput(terminal?: { readonly columns: number }) {
  const stream = Object.assign(new PassThrough(), terminal && { isTTY: true, columns: terminal.columns });
  const chunks: string[] = [];
  stream.on("data", (chunk) => chunks.push(String(chunk)));
  return { stream, text: () => chunks.join("") };
}
