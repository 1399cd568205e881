import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { JournalFolder } from "./reporter-files.js";
import { runBuilt } from "./run-built.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The first block of code under a heading. */
function codeUnder(heading: string): string {
  const code = new RegExp(`^## ${heading}$.*?\`\`\`js\\n(.*?)\`\`\``, "ms").exec(readme)?.[1];
  return code ?? expect.fail(`there is no code under "${heading}"`);
}

test("the README's code for reporting runs as it stands", async () => {
  const folder = new JournalFolder();
  const { code, output } = await runBuilt(`
    ${codeUnder("Define a job")}
    import { createJobStore } from "@subtitles/job-store";
    import { memoryDriver } from "@subtitles/job-store/memory";
    const store = createJobStore({ job: reportJob, driver: memoryDriver() });
    ${codeUnder("Reporting while the store is away").replace("reports.journal", folder.file())}
    console.log((await store.get(next.id)).history.map(({ to }) => to).join(" "));
    await store.close();
  `);
  expect({ code, output }).toEqual({ code: 0, output: "waiting working done\n" });
});
