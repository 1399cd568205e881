import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runBuilt } from "./run-built.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The first block of code under a heading. */
function codeUnder(heading: string): string {
  const code = new RegExp(`^## ${heading}$.*?\`\`\`js\\n(.*?)\`\`\``, "ms").exec(readme)?.[1];
  return code ?? expect.fail(`there is no code under "${heading}"`);
}

const IMPORTS = `
  import { createJobStore, defineJob } from "@subtitles/job-store";
  import { memoryDriver } from "@subtitles/job-store/memory";
  import { z } from "zod";
`;

test("the README's code for finding by field runs as it stands", async () => {
  const { code, output } = await runBuilt(`
    ${IMPORTS}
    ${codeUnder("Find by field")}
    console.log(spanish.items.length);
    await films.close();
  `);
  expect({ code, output }).toEqual({ code: 0, output: "Roma\n1\n" });
});
