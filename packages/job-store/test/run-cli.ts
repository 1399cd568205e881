import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { runCli, type Terminal } from "../src/lib/cli/run.js";

/** Runs the command line in this process. Returns its exit code and its output. */
export async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { input = "", isTTY = false }: { readonly input?: string; readonly isTTY?: boolean } = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  Object.assign(stdin, { isTTY });
  // The command line uses only these members of a terminal.
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
