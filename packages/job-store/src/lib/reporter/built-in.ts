import { invalid } from "../arguments.js";

type BuiltIn = Pick<NodeJS.Process, "getBuiltinModule">;

/**
 * Returns a built-in module of Node. It is loaded here and not by an import, because browsers cannot resolve such an import.
 * @throws JobStoreError INVALID_ARGUMENT in a browser
 */
export const builtIn: BuiltIn["getBuiltinModule"] = (name: string) => {
  const { process } = globalThis as { readonly process?: Partial<BuiltIn> };
  return (
    process?.getBuiltinModule?.(name) ??
    invalid("journalPath requires Node.js. In a browser, create the reporter without it.")
  );
};

export const fs = () => builtIn("node:fs");
