import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobStoreError } from "@subtitles/job-store";
import { type MutantName, mutants } from "./mutants.js";
import { counted } from "./results.js";
import { round } from "./round.js";

/** How long a mutant is tormented. */
const FOR_MS = 20_000;
/** Chance may spare it: it is tried with so many seeds. */
const TRIES = 8;

/** Runs every mutant with the faults that it should not survive; answers whether the oracle noticed each. */
export async function catchMutants(): Promise<boolean> {
  let all = true;
  for (const name of Object.keys(mutants) as MutantName[]) all = (await isCaught(name)) && all;
  return all;
}

/** Whether a run finds the promises broken that the mutant breaks. */
async function isCaught(name: MutantName): Promise<boolean> {
  const { cut, faults, breaks } = mutants[name];
  for (let seed = 1; seed <= TRIES; seed++) {
    const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
    try {
      const verdict = await round({ seed, forMs: FOR_MS, folder, mutant: name, chosen: (kind) => faults.test(kind) });
      if (cut !== null && !verdict.cut)
        throw new Error(`"${name}" has nothing to cut: its line is in no script any more`);
      const found = verdict.violations.filter(({ promise }) => (breaks as readonly string[]).includes(promise));
      const words = Object.entries(counted(found.map(({ promise }) => promise)));
      console.log(
        `${name}, seed ${seed}: ${words.map(([promise, count]) => `${promise} (${count})`).join(", ") || "not caught"}`,
      );
      if (found.length > 0) return true;
    } catch (error) {
      // The inspection of a run needs records that can be read.
      const isBroken = (breaks as readonly string[]).includes("records can be read");
      if (!isBroken || !JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
      console.log(`${name}, seed ${seed}: records can be read (1)`);
      return true;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return false;
}
