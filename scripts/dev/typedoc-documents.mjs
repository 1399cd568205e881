// Plugin of typedoc: makes pages of the Markdown documents. A document is named after its first heading, and its section in the navigation
// is the one in which docs/guides/README.md lists it. So the documents need no front matter, and can be read without the site.
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { Application, Converter } from "typedoc";
import { root } from "./run.mjs";

const CONTENTS = join(root, "docs/guides/README.md");

/** Section of documents that the table of contents does not list. */
const OTHERS = "Project";

/** @returns {Map<string, string>} the section of each listed document, by its path from the root */
function sectionsOf(contents = readFileSync(CONTENTS, "utf8")) {
  /** @type {Map<string, string>} */
  const sections = new Map();
  let section = OTHERS;
  for (const line of contents.split("\n")) {
    section = /^## (.+)$/.exec(line)?.[1] ?? section;
    const [, target = ""] = /^\| \[[^\]]+\]\(([^)#]+\.md)(?:#[^)]*)?\)/.exec(line) ?? [];
    const path = relative(root, resolve(dirname(CONTENTS), target));
    if (target !== "" && !sections.has(path)) sections.set(path, section);
  }
  return sections;
}

/** @param {import("typedoc").Application} app */
export function load(app) {
  const sections = sectionsOf();
  /** @type {Map<string, import("typedoc").DocumentReflection>} the document of each folder that has a README.md, by the folder */
  const folders = new Map();

  app.on(Application.EVENT_BOOTSTRAP_END, () => {
    const names = [...new Set(sections.values()), OTHERS];
    app.options.setValue("groupOrder", [...names, "*"]);
    // A search finds pages before names of the API.
    app.options.setValue("searchGroupBoosts", Object.fromEntries(names.map((name) => [name, 4])));
  });

  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const file = app.files.getReflectionPath(document) ?? "";
    const [first] = document.content;
    const heading = /^\s*# (.+)$/m.exec(first?.kind === "text" ? first.text : "")?.[1];
    document.name = heading?.replaceAll("`", "") ?? document.name;
    document.frontmatter.group = sections.get(relative(root, file)) ?? OTHERS;
    if (basename(file) === "README.md") folders.set(dirname(file), document);
  });

  // An entry point is named as in an import.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const entry of project.children ?? []) entry.name = entry.name.replace(/^([\w-]+)\/src\b/, "@subtitles/$1");
  });

  // A link to a folder leads to its README.md, or to that of the nearest folder above it.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const contents = [project.readme ?? [], ...[...(project.documents ?? [])].map(({ content }) => content)];
    for (const part of contents.flat()) {
      if (part.kind !== "relative-link" || part.target === undefined) continue;
      const path = project.files.resolvePath(part.target);
      if (path === undefined || !statSync(path).isDirectory()) continue;
      for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
        const document = folders.get(folder);
        if (document === undefined) continue;
        project.files.registerReflectionPath(/** @type {import("typedoc").NormalizedPath} */ (path), document);
        break;
      }
    }
  });
}
