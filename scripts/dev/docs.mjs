import { checkApi } from "./api-reports.mjs";
import { print, run } from "./run.mjs";

/**
 * Generates the API reports, which are committed, and the API reference in docs/api, which is not committed.
 *
 * @param {string[]} args `--reports`: generates only the reports, which is faster
 * @returns {Promise<number>} the exit code
 */
export async function docs(args) {
  const complaints = await checkApi({ update: true });
  for (const complaint of complaints) print(complaint);
  const { code } = args.includes("--reports") ? { code: 0 } : await run("typedoc", []);
  return complaints.length > 0 ? 1 : code;
}
