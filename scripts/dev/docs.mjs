import { checkApi } from "./api-reports.mjs";
import { run, say } from "./run.mjs";

/**
 * Makes what is made from the sources: the API reports, which are committed, and the reference in docs/api, which is not.
 *
 * @param {string[]} args `--reports`: what is committed only, which is quick
 * @returns {Promise<number>} the exit code
 */
export async function docs(args) {
  const complaints = await checkApi({ update: true });
  for (const complaint of complaints) say(complaint);
  const { code } = args.includes("--reports") ? { code: 0 } : await run("typedoc", []);
  return complaints.length > 0 ? 1 : code;
}
