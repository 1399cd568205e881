import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./run.mjs";

/**
 * Checks the report of each package's public API, `packages/<name>/api.md`, which covers all entries of the package. The reports
 * are committed, so that reviewers see changes of the API.
 *
 * @param {{ update: boolean }} options `update`: writes the reports instead of comparing them
 * @returns {Promise<string[]>} a complaint for each report that is out of date, and for each name or member without a comment
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
        `packages/${name}/api.md does not match the public API. Run \`npm run docs -- --reports\` and commit the file.`,
      );
    }
    complaints.push(...undocumented.map((symbol) => `@subtitles/${name}: ${symbol} has no doc comment. Add one.`));
  }
  return complaints;
}

/**
 * Extracts the public API of a package.
 *
 * @param {string} folder folder of the package, which must be built
 */
async function extract(folder) {
  const { exports } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const entries = Object.keys(exports).flatMap((key) => (key === "./package.json" ? [] : [key.slice(2) || "index"]));
  const temporary = await mkdtemp(join(tmpdir(), "subtitles-api-"));
  const all = entries.map((entry) =>
    entry === "index"
      ? `export * from "${folder}/dist/index.js";`
      : `export * as ${entry} from "${folder}/dist/${entry}.js";`,
  );
  const entry = join(temporary, "api.d.ts");
  await writeFile(entry, `${all.join("\n")}\n`);

  // Imported here, because other commands run before the dependencies are installed.
  const { Extractor, ExtractorConfig } = await import("@microsoft/api-extractor");
  const config = ExtractorConfig.prepare({
    configObject: {
      newlineKind: "lf",
      projectFolder: folder,
      mainEntryPointFilePath: entry,
      compiler: { tsconfigFilePath: join(folder, "tsconfig.json"), skipLibCheck: true },
      apiReport: { enabled: true, reportFileName: "report", reportFolder: temporary, reportTempFolder: temporary },
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
  const report = await readFile(join(temporary, "report.api.md"), "utf8");
  await rm(temporary, { recursive: true, force: true });
  return { report, undocumented: undocumentedIn(report) };
}

/**
 * Finds exported names without a doc comment, and members of interfaces and classes without one, as `Name.member`.
 *
 * @param {string} report
 * @returns {string[]}
 */
export function undocumentedIn(report) {
  const found = [];
  let name = "";
  let undocumented = false;
  for (const line of report.split("\n")) {
    const exported = EXPORTED.exec(line)?.[1];
    if (exported !== undefined) name = exported;
    if (undocumented) found.push(exported ?? `${name}.${MEMBER.exec(line)?.[1] ?? line.trim()}`);
    undocumented = /^ *\/\/.*\(undocumented\)$/.test(line);
  }
  return found;
}

const EXPORTED = /^(?:export |declare |abstract |const |function |class |interface |type )+(\w+)/;
const MEMBER = /^ *(?:static |readonly |abstract )*([\w[\].]+)/;
