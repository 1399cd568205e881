import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of the checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folders of dependencies and of generated files. */
const SKIPPED = ["node_modules", "dist", "docs/api", "chaos/failed"];

/** Returns the paths of all documents below a folder, except generated ones. Paths are relative to the root. */
export function documents(folder = ""): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const isSkipped = entry.name.startsWith(".") || SKIPPED.some((each) => `/${path}`.endsWith(`/${each}`));
      return isSkipped ? [] : documents(path);
    }
    return entry.name.endsWith(".md") && entry.name !== "api.md" ? [path] : [];
  });
}

/** Returns the links of a document to files, or to headings of documents, that do not exist in the checkout. */
export function deadLinks(document: string, text: string): readonly string[] {
  const links = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?\)/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !targetExists(document, link));
}

function targetExists(document: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, document) : join(root, dirname(document), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined) return true;
  const page = statSync(target).isDirectory() ? join(target, "README.md") : target;
  return existsSync(page) && anchorsOf(readFileSync(page, "utf8")).includes(anchor);
}

/** Returns the anchors that GitHub makes for the headings of a document. */
function anchorsOf(text: string): readonly string[] {
  const withoutCode = text.replaceAll(/^```.*?^```$/gms, "");
  return Array.from(withoutCode.matchAll(/^#+ (.*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
