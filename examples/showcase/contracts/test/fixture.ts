import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Returns the bytes of a file in `test/fixtures`. */
export const fixture = (name: string) => readFile(join(import.meta.dirname, "fixtures", name));
