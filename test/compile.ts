import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * Compiles programs together in memory, with the compiler options of a package.
 *
 * @param folder folder of the programs, below the folder of the package
 * @param programs source texts by name
 * @returns messages of the compiler by name; "" for a program without errors
 */
export function compile<Name extends string>(
  folder: URL,
  programs: Readonly<Record<Name, string>>,
): Readonly<Record<Name, string>> {
  const fileOf = (name: string) => fileURLToPath(new URL(`${name}.ts`, folder));
  const sources = new Map(Object.entries<string>(programs).map(([name, source]) => [fileOf(name), source]));
  const path = fileURLToPath(folder);
  const project = ts.findConfigFile(path, ts.sys.fileExists) ?? "";
  const { config } = ts.readConfigFile(project, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, path);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const source = sources.get(file);
    if (source === undefined) return getSourceFile(file, languageVersion, ...rest);
    return ts.createSourceFile(file, source, languageVersion);
  };
  const program = ts.createProgram([...sources.keys()], { ...options, noEmit: false, declaration: true }, host);
  const messages = Object.keys(programs).map((name) => {
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(fileOf(name)));
    return [name, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n")];
  });
  return Object.fromEntries(messages);
}
