import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";

/** Programs by name, each a body that follows the imports. */
const programs = {
  json: `defineQueue({ name: "q", payload: z.json() });`,
  "json inside": `defineQueue({ name: "q", payload: z.object({ film: z.string(), extra: z.json().optional() }) });`,
  date: `defineQueue({ name: "q", payload: z.object({ at: z.date() }) });`,
  map: `defineQueue({ name: "q", payload: z.map(z.string(), z.string()) });`,
  unknown: `defineQueue({ name: "q", payload: z.record(z.string(), z.unknown()) });`,
  loose: `defineQueue({ name: "q", payload: z.looseObject({ film: z.string() }) });`,
  transform: `defineQueue({ name: "q", payload: z.object({ n: z.string().transform(Number) }) });`,
} as const;

const notJson = `"its output must be JSON: no Date, Map, function or unknown (z.json() instead)"`;

describe("the compiler's message about a queue definition", () => {
  let messages: ReadonlyMap<string, string>;
  beforeAll(() => {
    messages = compile();
  }, 120_000);

  test.each(["json", "json inside"])("is absent if the payload is %s", (name) => {
    expect(messages.get(name)).toBe("");
  });

  test.each(["date", "map", "unknown", "loose"])("names the reason if the payload has no JSON output: %s", (name) => {
    expect(messages.get(name)).toContain(`NotStorable<${notJson}>`);
  });

  test("names the reason if the payload's output is not a valid input", () => {
    const reason = `"its output must be a valid input of the same schema: no one-way transform"`;
    expect(messages.get("transform")).toContain(`NotStorable<${reason}>`);
  });
});

/** Compiles all programs at once, without files on the disk. Returns the compiler's messages per program. */
function compile(): ReadonlyMap<string, string> {
  const fileOf = (name: string) => fileURLToPath(new URL(`./program ${name}.ts`, import.meta.url));
  const sources = new Map(
    Object.entries(programs).map(([name, body]) => [
      fileOf(name),
      `import { defineQueue } from "../src/index.js";\nimport { z } from "zod";\n${body}\n`,
    ]),
  );
  const configFile = fileURLToPath(new URL("../tsconfig.json", import.meta.url));
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, fileURLToPath(new URL("..", import.meta.url)));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const source = sources.get(file);
    if (source === undefined) return getSourceFile(file, languageVersion, ...rest);
    return ts.createSourceFile(file, source, languageVersion);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return new Map(
    Object.keys(programs).map((name) => {
      const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(fileOf(name)));
      return [
        name,
        diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n"),
      ];
    }),
  );
}
