import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBinary } from "../../../test/servers/binaries.js";

const OUTPUT = "callgrind.out";
const PREFIX = "vgdb";

/** Counts the instructions that a server executes. */
export interface Callgrind {
  /** Command that runs the server. Its folder is the working directory, and receives all files. */
  readonly command: readonly string[];
  /** Returns a function that returns the number of instructions since its last call. */
  counter(server: { readonly pid: number; readonly folder: string }): () => Promise<number>;
}

/** Returns null if valgrind is not installed. */
export function findCallgrind(): Callgrind | null {
  const [valgrind, control] = [findBinary("valgrind"), findBinary("vgdb")];
  if (valgrind === null || control === null) return null;
  return {
    command: [valgrind, "--tool=callgrind", `--callgrind-out-file=${OUTPUT}`, `--vgdb-prefix=${PREFIX}`],
    counter({ pid, folder }) {
      let dumps = 0;
      return async () => {
        // A dump writes the number since the last dump to a file of its own.
        const dump = [`--vgdb-prefix=${PREFIX}`, `--pid=${pid}`, "dump"];
        await promisify(execFile)(control, dump, { cwd: folder, timeout: 60_000 });
        dumps++;
        const text = await readFile(join(folder, `${OUTPUT}.${dumps}`), "utf8");
        const total = /^totals: (\d+)$/m.exec(text)?.[1];
        if (total === undefined) throw new Error(`Callgrind wrote no total to ${OUTPUT}.${dumps}.`);
        return Number(total);
      };
    },
  };
}
