import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { findBinary } from "./servers/binaries.js";

const program = findBinary("promtool");

/** Reason why `promtool` cannot run, for the title of a test that is skipped; null: it can. */
export const promtoolMissing = program === null ? "promtool is not on this machine: apt-get install prometheus" : null;

/** Returns the complaints of `promtool check metrics` about metrics in Prometheus' text format. */
export async function metricProblems(metrics: string): Promise<string> {
  const child = spawn(program ?? "promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(metrics);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return stdout + stderr;
}
