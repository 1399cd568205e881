import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What is made by others, or from the sources. */
const PASSED_OVER = ["node_modules", "dist", "docs/api", "chaos/failed"];

/** Every document that people wrote, as a path below the root. */
export function documents(folder = ""): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const passed = entry.name.startsWith(".") || PASSED_OVER.some((each) => `/${path}`.endsWith(`/${each}`));
      return passed ? [] : documents(path);
    }
    return entry.name.endsWith(".md") && entry.name !== "api.md" ? [path] : [];
  });
}
