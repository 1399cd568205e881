import { checkApi } from "./api-reports.mjs";
import { print, run } from "./run.mjs";

/**
 * Generates the API reports and the reference page, which are committed, and the documentation site in docs/site, which is not committed.
 * The site opens from the folder, without a server: docs/site/index.html.
 *
 * @param {string[]} args `--reports`: does not generate the site, which is faster
 * @returns {Promise<number>} the exit code
 */
export async function docs(args) {
  // It imports typescript, which is installed only now.
  const { checkReference } = await import("./reference.mjs");
  const complaints = [...(await checkApi({ update: true })), ...(await checkReference({ update: true }))];
  for (const complaint of complaints) print(complaint);
  const { code } = args.includes("--reports") ? { code: 0 } : await run("typedoc", []);
  return complaints.length > 0 ? 1 : code;
}
