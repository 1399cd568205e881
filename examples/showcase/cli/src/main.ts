import { run } from "./run.js";

const stop = new AbortController();
// A second Ctrl-C ends the process at once.
process.once("SIGINT", () => stop.abort());
process.exitCode = await run(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  env: process.env,
  signal: stop.signal,
});
