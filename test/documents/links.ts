import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./documents.js";

/** Links of a document to something in this checkout that is not there: a file, or a heading of one. */
export function deadLinks(document: string, text: string): readonly string[] {
  const links = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?\)/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(document, link));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? join(root, document) : join(root, dirname(document), path);
  if (!existsSync(target)) return false;
  if (heading === undefined) return true;
  const page = statSync(target).isDirectory() ? join(target, "README.md") : target;
  return existsSync(page) && headingsOf(readFileSync(page, "utf8")).includes(heading);
}

/** As GitHub names them. */
function headingsOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, "");
  return Array.from(prose.matchAll(/^#+ (.*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
