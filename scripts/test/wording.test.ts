import { expect, test } from "vitest";
import { complaintsAbout, forbiddenWords, passagesOf } from "../dev/wording.mjs";

async function complaints(file: string, source: string) {
  const words = await forbiddenWords();
  return (await passagesOf(file, source)).flatMap((passage) => complaintsAbout(file, passage, words));
}

/** Forbidden word. It is composed here, because the check also reads this file. */
const WORD = ["men", "ded"].join("");

test.each([
  ["a doc comment", "/** What the job has. */\nexport const a = 1;", 'a.ts:1: a comment begins .* "What"'],
  ["a doc comment of several lines", "/**\n * Whether the\n * job exists.\n */\nconst a = 1;", 'a.ts:2: .* "Whether"'],
  ["a line comment", "const a = 1; // Of the job.", 'a.ts:1: .* "Of"'],
  ["the second of two trailing comments", "f(1); // One.\nf(2); // What follows.", 'a.ts:2: .* "What"'],
  ["a comment inside an object", "f({\n  // Where it is.\n  a: 1,\n});", 'a.ts:2: .* "Where"'],
  ["a later sentence", "// Reads a job.\n// What is left remains.\nf();", 'a.ts:2: a sentence begins .* "What"'],
  ["a test name", 'test("what is left remains", run);', 'a.ts:1: a test name begins .* "what"'],
  ["the name of a parameterized test", 'test.each([1, 2])("where %i is left", run);', 'a.ts:1: .* "where"'],
])("a question word at the beginning of %s is found", async (_name, source, complaint) => {
  expect(await complaints("a.ts", source)).toEqual([expect.stringMatching(`^${complaint}`)]);
});

test.each([
  ["a comment", `// Values that are ${WORD}.\nconst a = 1;`],
  ["an error", `throw new Error("It was ${WORD}.");`],
  ["a template", `throw new Error(\`\${name} was ${WORD} by \${other}.\`);`],
])("a forbidden word in %s is found, with the word to use instead", async (_name, source) => {
  expect(await complaints("a.ts", source)).toEqual([`a.ts:1: "${WORD}": use repair data, fix code, reconnect.`]);
});

test("a forbidden word in a document is found, but not in its code and its links", async () => {
  const source = `# Title\n\nRows that are ${WORD}.\n\n\`\`\`ts\n${WORD}();\n\`\`\`\n\n\`${WORD}\`, [a page](${WORD}.md)\n`;
  expect(await complaints("a.md", source)).toEqual([expect.stringMatching(`^a.md:3: "${WORD}"`)]);
});

test("every forbidden word of a comment is reported with its line, also a phrase on two lines", async () => {
  const source = `/**\n * Rows that are ${WORD}, and goes\n * on with those ${WORD} later.\n */\nconst a = 1;`;
  expect((await complaints("a.ts", source)).map((line) => line.split(": use")[0])).toEqual([
    `a.ts:2: "${WORD}"`,
    `a.ts:2: "${["goes", "on"].join(" ")}"`,
    `a.ts:3: "${WORD}"`,
  ]);
});

test("a comment that continues on the next line is one comment", async () => {
  expect(await complaints("a.ts", "// Returns the position\n// where the page begins.\nconst a = 1;")).toEqual([]);
});

test.each([
  ["names", `const ${WORD} = 1;`],
  ["strings without a space", `f("${WORD}");`],
  ["code in a comment", `// Calls \`${WORD}()\` first.\nconst a = 1;`],
])("%s are not checked", async (_name, source) => {
  expect(await complaints("a.ts", source)).toEqual([]);
});

test("the comments of Lua are checked, and each part of a header by itself", async () => {
  const source = `-- Reads a job.\n-- Replies: 'value', what is stored\n-- or nothing ${WORD}\nlocal a = '--' -- What is left.\n`;
  expect(await complaints("a.lua", source)).toEqual([
    expect.stringMatching(`^a.lua:3: "${WORD}"`),
    expect.stringMatching('^a.lua:4: .*"What"'),
  ]);
});
