import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { peers } from "./peers/index.js";
import { brokenPromises, report, tables } from "./report.js";
import { type Result, round } from "./round.js";

const usage = `npm run bench:queue-kill [-- options]
  --rounds N  how often the broker is killed, 1 to 100 (3: about four minutes)
  --write     writes bench/QUEUE-KILL.md`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);

if (options.help || !Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
  console.log(usage);
  process.exitCode = options.help ? 0 : 2;
} else {
  const results = await kill(rounds);
  const broken = brokenPromises(results, rounds);
  console.log(`${tables(results)}\n${broken.length === 0 ? "Every promise was kept." : broken.join("\n")}`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

async function kill(times: number): Promise<readonly Result[]> {
  const types = ["quorum", "classic"] as const;
  const contenders = types.flatMap((type) => Object.keys(peers).map((library) => ({ library, type })));
  const results: Result[] = [];
  const server = await startRabbitmq();
  try {
    for (let n = 1; n <= times; n++) {
      console.log(`Round ${n} of ${times} …`);
      try {
        results.push(...(await round(server, contenders, `round${n}`)));
        if (options.write) await writeFile(new URL("../../QUEUE-KILL.md", import.meta.url), await report(results));
      } catch (error) {
        console.error(`Round ${n} does not count:`, error);
        await server.restart();
      }
    }
  } finally {
    await server.stop();
  }
  return results;
}
