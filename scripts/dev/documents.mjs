import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./run.mjs";

/** Folders of dependencies and of generated files. */
const SKIPPED = ["node_modules", "dist", "docs/site", "chaos/failed"];

/**
 * Returns the paths of all documents below a folder, except generated ones. Paths are relative to the root.
 *
 * @param {string} [folder]
 * @returns {readonly string[]}
 */
export function documents(folder = "") {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const isSkipped = entry.name.startsWith(".") || SKIPPED.some((each) => `/${path}`.endsWith(`/${each}`));
      return isSkipped ? [] : documents(path);
    }
    return entry.name.endsWith(".md") && entry.name !== "api.md" ? [path] : [];
  });
}

/** Returns a complaint for each link of a document to a file or a heading that does not exist. */
export function wrongLinks() {
  return documents().flatMap((document) => {
    const links = deadLinks(document, readFileSync(join(root, document), "utf8"));
    return links.map((link) => `${document}: the target of the link ${link} does not exist.`);
  });
}

/**
 * Returns the links of a document to files, or to headings of documents, that do not exist in the checkout.
 *
 * @param {string} document
 * @param {string} text
 * @returns {readonly string[]}
 */
function deadLinks(document, text) {
  const links = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?\)/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !targetExists(document, link));
}

/**
 * @param {string} document
 * @param {string} link
 */
function targetExists(document, link) {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, document) : join(root, dirname(document), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined) return true;
  const page = statSync(target).isDirectory() ? join(target, "README.md") : target;
  return existsSync(page) && anchorsOf(readFileSync(page, "utf8")).includes(anchor);
}

/**
 * Returns the anchors that GitHub makes for the headings of a document. Headings with code are left out, because they have other anchors in
 * the documentation site.
 *
 * @param {string} text
 */
function anchorsOf(text) {
  const withoutCode = text.replaceAll(/^```.*?^```$/gms, "");
  return Array.from(withoutCode.matchAll(/^#+ ([^`\n]*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
