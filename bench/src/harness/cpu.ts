import { readFile } from "node:fs/promises";

/** Unit of CPU times in /proc, on every Linux that Node.js supports. */
const TICK_MS = 10;

/** Returns the CPU time of a process in ms: user and system, all threads. It needs Linux. */
export async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
