// Cleans up after its parent has ended for any reason: a failure, Ctrl-C, kill -9. Started by clean-up.mjs.
//
// The parent keeps the standard input of this process open. After each change of the list of leftovers, it writes one line of JSON:
// { groups: process groups to kill, paths: files and folders to remove }. When the pipe closes, this process cleans up the leftovers
// of the last line. Without a line, nothing is left over. It has its own process group, so that the terminal does not send Ctrl-C to it.
import { rmSync } from "node:fs";

let text = "";
process.stdin.setEncoding("utf8");
for await (const chunk of process.stdin) {
  text += chunk;
  text = text.slice(text.lastIndexOf("\n", text.length - 2) + 1);
}

const { groups, paths } = text === "" ? { groups: [], paths: [] } : JSON.parse(text);
for (const group of groups) {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // The group has ended.
  }
}
for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
