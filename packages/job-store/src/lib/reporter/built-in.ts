import { invalid } from "../arguments.js";

type BuiltIn = Pick<NodeJS.Process, "getBuiltinModule">;

/**
 * A built-in module of Node, loaded when it is first needed: an import of it would keep the package out of browsers.
 * @throws JobStoreError INVALID_ARGUMENT in a browser
 */
export const builtIn: BuiltIn["getBuiltinModule"] = (name: string) => {
  const { process } = globalThis as { readonly process?: Partial<BuiltIn> };
  return process?.getBuiltinModule?.(name) ?? invalid("journalPath requires Node.js: a browser has no files.");
};
