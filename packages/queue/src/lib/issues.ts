import type { $ZodIssue } from "zod/v4/core";

const MOST_SHOWN = 3;
const LONGEST_PATH = 80;
const LONGEST_MESSAGE = 120;

/** What zod found, as `path: message`, bounded: a hostile payload can have as many issues, and as long, as it likes. */
export function describeIssues(issues: readonly $ZodIssue[]): string {
  const shown = issues.slice(0, MOST_SHOWN).map((issue) => {
    const path = issue.path.map(String).join(".").slice(0, LONGEST_PATH);
    const message = issue.message.slice(0, LONGEST_MESSAGE);
    return path === "" ? message : `${path}: ${message}`;
  });
  const more = issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
