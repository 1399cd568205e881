import { expect, test } from "vitest";
import { complaintsAbout, forbiddenWords, passagesOf } from "../dev/wording.mjs";

async function complaints(file: string, source: string) {
  const words = await forbiddenWords();
  return (await passagesOf(file, source)).flatMap((passage) => complaintsAbout(file, passage, words));
}

test.each([
  ["a doc comment", "/** What the job has. */\nexport const a = 1;", 'not with "What"'],
  ["a doc comment of several lines", "/**\n * Whether the\n * job is there.\n */\nconst a = 1;", 'not with "Whether"'],
  ["a line comment", "const a = 1; // Of the job.", 'not with "Of"'],
  ["a comment inside an object", "f({\n  // Where it is.\n  a: 1,\n});", 'not with "Where"'],
])("a question word at the beginning of %s is found", async (_name, source, complaint) => {
  expect(await complaints("a.ts", source)).toEqual([expect.stringContaining(complaint)]);
});

test.each([
  ["a comment", "// Values that are mended.\nconst a = 1;"],
  ["an error", 'throw new Error("It was mended.");'],
  ["a template", `throw new Error(\`\${name} was mended by \${other}.\`);`],
])("a forbidden word in %s is found, with the word to use instead", async (_name, source) => {
  expect(await complaints("a.ts", source)).toEqual([expect.stringMatching(/^a\.ts:1: "mended": use repair data/)]);
});

test("a comment that continues on the next line is one comment", async () => {
  expect(await complaints("a.ts", "// Returns the position\n// where the page begins.\nconst a = 1;")).toEqual([]);
});

test("names and strings without a space are not checked", async () => {
  expect(await complaints("a.ts", 'const mend = "mend";')).toEqual([]);
});

test("the comments of Lua are checked", async () => {
  const source = "-- Reads a job.\n-- Where it is gone: nothing.\nlocal a = 1\n-- What is left.\n";
  expect(await complaints("a.lua", source)).toEqual([expect.stringMatching(/^a\.lua:4: .*"What"/)]);
});
