import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { runCli, type Terminal } from "../src/lib/cli/run.js";

/** The command line in this process, with what it wrote. */
export async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { input = "", isTTY = false }: { readonly input?: string; readonly isTTY?: boolean } = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  Object.assign(stdin, { isTTY });
  // Streams stand in for the process's own; what a terminal could do besides, the command line does not ask of it.
  const terminal = { stdin, stdout, stderr, env, on: () => {}, off: () => {} } as unknown as Terminal;
  const [code, out, err] = await Promise.all([
    runCli(args, terminal).finally(() => {
      stdout.end();
      stderr.end();
    }),
    text(stdout),
    text(stderr),
  ]);
  return { code, out, err };
}
