// Cleans up after its parent, whatever ended it: a failure, Ctrl-C, kill -9. Started by clean-up.mjs.
//
// The parent holds our standard input open and writes one line of JSON each time that something has to be cleaned up, or
// no longer: { groups: process groups to end, paths: files and folders to remove }. When the pipe closes, the last line
// is carried out. A process group of our own keeps the terminal's Ctrl-C away from us.
import { rmSync } from "node:fs";

let text = "";
process.stdin.setEncoding("utf8");
for await (const chunk of process.stdin) {
  text += chunk;
  text = text.slice(text.lastIndexOf("\n", text.length - 2) + 1);
}

const { groups, paths } = JSON.parse(text);
for (const group of groups) {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
