import { createConfig, lintFromString } from "@redocly/openapi-core";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";
import { expect, test } from "vitest";
import { metricProblems, promtoolMissing } from "../../../../test/promtool.js";
import { startRig } from "./rig.js";

async function readDocument(): Promise<string> {
  const { get } = await startRig();
  return (await get("/api/v1/openapi.json")).text();
}

test("an OpenAPI linter finds no error in the document", async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: await readDocument(), absoluteRef: "openapi.json", config });
  const errors = problems.filter(({ severity }) => severity === "error");
  expect(errors.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([]);
});

test("a client that openapi-typescript generates from the document compiles", async () => {
  const client = astToString(await openapiTS(await readDocument()));
  const use = `
    import type { paths } from "./client.js";
    type Page = paths["/api/v1/jobs"]["get"]["responses"][200]["content"]["application/json"];
    export const ids = (page: Page): string[] => page.items.map(({ id }) => id);
  `;
  const options: ts.CompilerOptions = { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, types: [] };
  const host = ts.createCompilerHost(options);
  const sources = new Map([
    ["/client.ts", client],
    ["/use.ts", use],
  ]);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const source = sources.get(file);
    return source === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, source, target);
  };
  const program = ts.createProgram(["/use.ts"], { ...options, module: ts.ModuleKind.NodeNext }, host);
  const problems = ts.getPreEmitDiagnostics(program);
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});

test.skipIf(promtoolMissing !== null)(
  `promtool has no complaint about the metrics ${promtoolMissing ?? ""}`.trim(),
  async () => {
    const { get, submit } = await startRig();
    await submit();
    const problems = (await metricProblems(await (await get("/metrics")).text())).split("\n");
    // prom-client names the metrics of Node.
    expect(problems.filter((problem) => problem !== "" && !problem.startsWith("nodejs_"))).toEqual([]);
  },
);
