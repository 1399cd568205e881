import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./run.mjs";

/**
 * The public surface of each package, all of its entries in one report, `packages/<name>/api.md`. They are committed, so that
 * a change of the surface shows in review.
 *
 * @param {{ update: boolean }} options
 * @returns {Promise<string[]>} what is wrong: a report that is out of date, a name or a member without a comment
 */
export async function checkApi({ update }) {
  const complaints = [];
  for (const name of ["job-store", "queue"]) {
    const folder = join(root, "packages", name);
    const { report, undocumented } = await extract(folder);
    const file = join(folder, "api.md");
    const committed = await readFile(file, "utf8").catch(() => "");
    if (update) await writeFile(file, report);
    else if (committed !== report) {
      complaints.push(
        `packages/${name}/api.md: the public surface has changed. npm run docs -- --reports writes it anew.`,
      );
    }
    complaints.push(...undocumented.map((symbol) => `@subtitles/${name}: ${symbol} has no comment.`));
  }
  return complaints;
}

/** @param {string} folder of a package that is built */
async function extract(folder) {
  const { exports } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const entries = Object.keys(exports).flatMap((key) => (key === "./package.json" ? [] : [key.slice(2) || "index"]));
  const place = await mkdtemp(join(tmpdir(), "subtitles-api-"));
  const all = entries.map((entry) =>
    entry === "index"
      ? `export * from "${folder}/dist/index.js";`
      : `export * as ${entry} from "${folder}/dist/${entry}.js";`,
  );
  const entry = join(place, "api.d.ts");
  await writeFile(entry, `${all.join("\n")}\n`);

  // Only now: when these scripts are loaded, nothing is installed yet.
  const { Extractor, ExtractorConfig } = await import("@microsoft/api-extractor");
  const config = ExtractorConfig.prepare({
    configObject: {
      newlineKind: "lf",
      projectFolder: folder,
      mainEntryPointFilePath: entry,
      compiler: { tsconfigFilePath: join(folder, "tsconfig.json"), skipLibCheck: true },
      apiReport: { enabled: true, reportFileName: "report", reportFolder: place, reportTempFolder: place },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, "package.json"),
  });
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  const report = await readFile(join(place, "report.api.md"), "utf8");
  await rm(place, { recursive: true, force: true });
  return { report, undocumented: undocumentedIn(report) };
}

/**
 * What the package exports and says nothing about: names, and members of interfaces and classes, as `Name.member`.
 *
 * @param {string} report
 */
export function undocumentedIn(report) {
  const found = [];
  let name = "";
  let silent = false;
  for (const line of report.split("\n")) {
    const exported = EXPORTED.exec(line)?.[1];
    if (exported !== undefined) name = exported;
    if (silent) found.push(exported ?? `${name}.${MEMBER.exec(line)?.[1] ?? line.trim()}`);
    silent = /^ *\/\/.*\(undocumented\)$/.test(line);
  }
  return found;
}

const EXPORTED = /^(?:export |declare |abstract |const |function |class |interface |type )+(\w+)/;
const MEMBER = /^ *(?:static |readonly |abstract )*([\w[\].]+)/;
