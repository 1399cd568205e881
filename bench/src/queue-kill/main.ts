import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Rabbitmq, startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { killNode } from "./cluster.js";
import { peers } from "./peers/index.js";
import { brokenPromises, report, tables } from "./report.js";
import { round } from "./round.js";
import { forget, type Round, type Setting, save, saved } from "./saved.js";

const usage = `npm run bench:queue-kill [-- options]
  --rounds N  how often the broker is killed, 1 to 100 (3: about four minutes)
  --write     writes bench/QUEUE-KILL.md, after every round
  --resume    goes on with a run that was broken off, and counts its rounds
  --cluster   instead: kills one node of three under our client, once (about a minute)`;

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

/** Rounds in a row that do not count, before it is no use to go on. */
const MOST_FAILURES = 3;
const types = ["quorum", "classic"] as const;
const contenders = types.flatMap((type) => Object.keys(peers).map((library) => ({ library, type })));
const setting: Setting = { node: process.versions.node, libraries: Object.keys(peers) };

if (options.help || !Number.isInteger(wanted) || wanted < 1 || wanted > 100) {
  console.log(usage);
  process.exitCode = options.help ? 0 : 2;
} else if (options.cluster) {
  const { confirmed, lost, failed, publishingPausedMs, consumingPausedMs } = await killNode();
  console.log(`${confirmed} confirmed, ${lost} of them lost, ${failed} failed;
no confirm for ${publishingPausedMs} ms, no delivery for ${consumingPausedMs} ms`);
  process.exitCode = lost === 0 && confirmed > 0 ? 0 : 1;
} else {
  const rounds = await killUntil(wanted, options.resume ? await saved(setting) : []);
  if (options.write && rounds.length > 0) await write(rounds);
  const broken = brokenPromises(rounds, wanted);
  console.log(`${tables(rounds)}\n${broken.length === 0 ? "Every promise was kept." : broken.join("\n")}`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

/** Adds rounds to those there are; each is saved at once. */
async function killUntil(enough: number, before: readonly Round[]): Promise<readonly Round[]> {
  const rounds = [...before];
  if (rounds.length >= enough) return rounds;
  const server = await startRabbitmq();
  try {
    let failures = 0;
    while (rounds.length < enough && failures < MOST_FAILURES) {
      const n = rounds.length + 1;
      console.log(`Round ${n} of ${enough} …`);
      const results = await tryRound(server, `round${n}.${failures}`);
      failures = results === null ? failures + 1 : 0;
      if (results === null) continue;
      rounds.push({ results, load: loadavg()[0] ?? 0 });
      await save(setting, rounds);
      if (options.write) await write(rounds);
    }
  } finally {
    await server.stop();
  }
  if (rounds.length >= enough) await forget();
  return rounds;
}

async function write(rounds: readonly Round[]): Promise<void> {
  await writeFile(new URL("../../QUEUE-KILL.md", import.meta.url), await report(rounds));
}

/** null: it does not count. */
async function tryRound(server: Rabbitmq, name: string) {
  try {
    return await round(server, contenders, name);
  } catch (error) {
    console.error("This round does not count:", error);
    await server.restart();
    return null;
  }
}
