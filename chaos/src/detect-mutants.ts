import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobStoreError } from "@subtitles/job-store";
import { type MutantName, mutants } from "./mutants.js";
import { countByName } from "./results.js";
import { runRound } from "./round.js";

/** Time for which faults are injected, for each seed: enough for two outages that are longer than a lease. */
const FOR_MS = 26_000;
/** Time in which a system without a defect becomes idle: some leases end, and some messages wait. */
const IDLE_MS = 30_000;
/** Number of seeds to try. The random faults of one seed may not reveal the defect. */
const MAX_SEEDS = 8;

/** Runs mutants with the faults that reveal their defect. Returns true if the checker detected all of them. @param only names; empty: all */
export async function detectMutants(only: readonly string[]): Promise<boolean> {
  const names = Object.keys(mutants) as MutantName[];
  const unknown = only.find((name) => !names.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`Unknown mutant "${unknown}". Known: ${names.join(", ")}.`);
  let all = true;
  for (const name of only.length === 0 ? names : names.filter((known) => only.includes(known))) {
    all = (await isDetected(name)) && all;
  }
  return all;
}

async function isDetected(name: MutantName): Promise<boolean> {
  const { edit, libraryEdit, faults } = mutants[name];
  const violates: readonly string[] = mutants[name].violates;
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
    try {
      const result = await runRound({
        seed,
        forMs: FOR_MS,
        folder,
        mutant: name,
        idleMs: IDLE_MS,
        isChosen: (kind) => faults.test(kind),
      });
      const { find } = edit ?? libraryEdit ?? {};
      if (find !== undefined && !result.mutated)
        throw new Error(`Mutant "${name}": no code matches ${find}. Update the pattern in chaos/src/mutants.ts.`);
      const found = result.violations
        .map(({ guarantee }) => guarantee)
        .filter((guarantee) => violates.includes(guarantee));
      const counts = Object.entries(countByName(found)).map(([guarantee, count]) => `${guarantee} (${count})`);
      console.log(`${name}, seed ${seed}: ${counts.join(", ") || "not detected"}`);
      if (found.length > 0) return true;
    } catch (error) {
      // A record that cannot be read ends the inspection of the round.
      if (!violates.includes("records are readable") || !JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
      console.log(`${name}, seed ${seed}: records are readable (1)`);
      return true;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return false;
}
