import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Rabbitmq, startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { killNode } from "./cluster.js";
import { libraries } from "./libraries/index.js";
import { report, tables, violations } from "./report.js";
import { runRound } from "./round.js";
import { type Round, type RunSettings, readRounds, removeRounds, saveRounds } from "./saved-rounds.js";

const usage = `npm run bench:queue-kill [-- options]
  --rounds N  number of rounds, 1 to 100. Each kills the broker once (default 3: about four minutes)
  --write     writes bench/QUEUE-KILL.md after every round
  --resume    continues an interrupted run and keeps its rounds
  --cluster   kills one node of three once, with @subtitles/queue only (about a minute)`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    cluster: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const wanted = Number(options.rounds);

/** Number of consecutive rounds that may fail before the run stops. */
const MAX_FAILURES = 3;
const types = ["quorum", "classic"] as const;
const participants = types.flatMap((type) => Object.keys(libraries).map((library) => ({ library, type })));
const settings: RunSettings = { node: process.versions.node, libraries: Object.keys(libraries) };

if (options.help || !Number.isInteger(wanted) || wanted < 1 || wanted > 100) {
  console.log(usage);
  process.exitCode = options.help ? 0 : 2;
} else if (options.cluster) {
  const { confirmed, lost, failed, publishingPausedMs, consumingPausedMs } = await killNode();
  console.log(`${confirmed} confirmed, ${lost} of them lost, ${failed} failed;
no confirm for ${publishingPausedMs} ms, no delivery for ${consumingPausedMs} ms`);
  process.exitCode = lost === 0 && confirmed > 0 ? 0 : 1;
} else {
  const rounds = await runRounds(wanted, options.resume ? await readRounds(settings) : []);
  if (options.write && rounds.length > 0) await write(rounds);
  const violated = violations(rounds, wanted);
  console.log(`${tables(rounds)}\n${violated.length === 0 ? "Every guarantee was kept." : violated.join("\n")}`);
  process.exitCode = violated.length === 0 ? 0 : 1;
}

/** Adds rounds until there are enough. Each round is saved when it ends. */
async function runRounds(enough: number, before: readonly Round[]): Promise<readonly Round[]> {
  const rounds = [...before];
  if (rounds.length >= enough) return rounds;
  const server = await startRabbitmq();
  try {
    let failures = 0;
    while (rounds.length < enough && failures < MAX_FAILURES) {
      const n = rounds.length + 1;
      console.log(`Round ${n} of ${enough} …`);
      const results = await tryRound(server, `round${n}.${failures}`);
      failures = results === null ? failures + 1 : 0;
      if (results === null) continue;
      rounds.push({ results, load: loadavg()[0] ?? 0 });
      await saveRounds(settings, rounds);
      if (options.write) await write(rounds);
    }
  } finally {
    await server.stop();
  }
  if (rounds.length >= enough) await removeRounds();
  return rounds;
}

async function write(rounds: readonly Round[]): Promise<void> {
  await writeFile(new URL("../../QUEUE-KILL.md", import.meta.url), await report(rounds));
}

/** Returns null if the round failed. It is then repeated. */
async function tryRound(server: Rabbitmq, name: string) {
  try {
    return await runRound(server, participants, name);
  } catch (error) {
    console.error("The round failed and is repeated:", error);
    await server.restart();
    return null;
  }
}
