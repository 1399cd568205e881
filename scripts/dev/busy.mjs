import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { isInterrupted, print } from "./run.mjs";
import { countsLine, failureLines, sum } from "./summary.mjs";
import { runTests } from "./test.mjs";

/** Number of successive runs that must pass. */
const TIMES = 10;

/**
 * Runs tests ten times in a row while other processes keep every core busy. This shows that no test depends on the speed of the
 * machine. It stops after the first run that fails.
 *
 * @param {string[]} args arguments for vitest: the files to run
 * @returns {Promise<number>} the exit code
 */
export async function busy(args) {
  const loads = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ["--eval", "for (;;);"], { detached: true, stdio: "ignore" }),
  );
  for (const { pid } of loads) if (pid !== undefined) cleanUpLater({ group: pid });
  const runs = [];
  try {
    while (runs.length < TIMES && !isInterrupted()) {
      print(`\nRun ${runs.length + 1} of ${TIMES}, with ${loads.length} cores kept busy`);
      const { summary } = await runTests({ all: false, oldest: false, args });
      runs.push(summary);
      if (summary.failures.length > 0) break;
    }
  } finally {
    for (const load of loads) {
      load.kill("SIGKILL");
      if (load.pid !== undefined) forget({ group: load.pid });
    }
  }
  const total = sum(runs);
  const counts = `In ${runs.length} of ${TIMES} runs: ${countsLine(total)}`;
  print(["", ...failureLines("Failed tests:", total), counts].join("\n"));
  return runs.length === TIMES && total.failures.length === 0 ? 0 : 1;
}
