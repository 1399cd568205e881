import { cpus } from "node:os";
import type { Outcome } from "./outcome.js";
import { OURS, peers } from "./peers/index.js";
import type { Result } from "./round.js";
import type { Round } from "./saved.js";

/** What the README promises, from the broker's first answer on. */
const LATEST_RESUME_MS = 2_000;
const TYPES = 2;

const PUBLISHING: readonly Column[] = [
  ["confirmed", sum(({ confirmed }) => confirmed)],
  ["lost", sum(({ confirmedLost }) => confirmedLost)],
  ["stored twice", sum(({ storedTwice }) => storedTwice)],
  ["failed", sum(({ failed }) => failed)],
  ["of these stored", sum(({ failedYetStored }) => failedYetStored)],
  ["hung", sum(({ hung }) => hung)],
  ["again after", delays(({ publishResumedMs }) => publishResumedMs)],
];
const CONSUMING: readonly Column[] = [
  ["handled", sum(({ handled }) => handled)],
  ["lost", sum(({ handlingLost }) => handlingLost)],
  ["handled twice", sum(({ handledTwice }) => handledTwice)],
  ["again after", delays(({ consumeResumedMs }) => consumeResumedMs)],
  ["uncaught errors", sum(({ uncaught }) => uncaught.length)],
  ["close hung", sum(({ closed }) => (closed ? 0 : 1))],
];

type Column = readonly [name: string, cell: (outcomes: readonly Outcome[]) => string];

/** Two tables per type of queue, all rounds added up. */
export function tables(rounds: readonly Round[]): string {
  const results = resultsOf(rounds);
  const types = [...new Set(results.map(({ type }) => type))];
  return types
    .flatMap((type) => {
      const ofType = results.filter((result) => result.type === type);
      return [
        `### Publishing to a ${type} queue\n\n${table(ofType, PUBLISHING)}\n`,
        `### Consuming a ${type} queue\n\n${table(ofType, CONSUMING)}\n`,
      ];
    })
    .join("\n");
}

function table(results: readonly Result[], columns: readonly Column[]): string {
  const libraries = [...new Set(results.map(({ library }) => library))];
  const rows = libraries.map((library) => {
    const outcomes = results.filter((result) => result.library === library).map(({ outcome }) => outcome);
    return [library, ...columns.map(([, cell]) => cell(outcomes))];
  });
  const lines = [["", ...columns.map(([name]) => name)], ["---", ...columns.map(() => "--:")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function sum(of: (outcome: Outcome) => number): Column[1] {
  return (outcomes) => outcomes.reduce((total, outcome) => total + of(outcome), 0).toLocaleString("en");
}

/** The median and the longest, and how often it did not come at all. */
function delays(of: (outcome: Outcome) => number | null): Column[1] {
  return (outcomes) => {
    const known = outcomes
      .map(of)
      .filter((delay) => delay !== null)
      .toSorted((a, b) => a - b);
    const longest = known.at(-1);
    if (longest === undefined) return "never";
    const median = known[Math.floor((known.length - 1) / 2)] ?? longest;
    const never = outcomes.length - known.length;
    const text = `${seconds(median)}, at most ${seconds(longest)} s`;
    return never === 0 ? text : `${text}; ${never} × never`;
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}

/** What of ours was not as it has to be in this many rounds. */
export function brokenPromises(rounds: readonly Round[], wanted: number): readonly string[] {
  if (rounds.length < wanted) return [`Only ${rounds.length} of ${wanted} rounds count.`];
  const ours = resultsOf(rounds).filter(({ library }) => library === OURS);
  return ours.flatMap(({ type, outcome }, n) => {
    const faults = [
      outcome.confirmedLost > 0 && `${outcome.confirmedLost} confirmed messages are lost`,
      outcome.handlingLost > 0 && `${outcome.handlingLost} messages are lost without having been handled`,
      outcome.failedYetStored > 0 && `${outcome.failedYetStored} publishes failed for certain and are stored`,
      outcome.hung > 0 && `${outcome.hung} publishes never settled`,
      outcome.uncaught.length > 0 && `nobody caught: ${outcome.uncaught[0]}`,
      !outcome.closed && "close did not settle",
      isLate(outcome.publishResumedMs) && `publishing resumed after ${inSeconds(outcome.publishResumedMs)}`,
      isLate(outcome.consumeResumedMs) && `consuming resumed after ${inSeconds(outcome.consumeResumedMs)}`,
    ].filter((fault) => fault !== false);
    return faults.map((fault) => `${OURS}, ${type} queue, round ${Math.ceil((n + 1) / TYPES)}: ${fault}`);
  });
}

function inSeconds(ms: number | null): string {
  return ms === null ? "no time" : `${seconds(ms)} s`;
}

function isLate(resumedMs: number | null): boolean {
  return resumedMs === null || resumedMs > LATEST_RESUME_MS;
}

function resultsOf(rounds: readonly Round[]): readonly Result[] {
  return rounds.flatMap(({ results }) => results);
}

/** Every loss, and when what was lost had been confirmed: that tells what lost it. */
function losses(rounds: readonly Round[]): readonly string[] {
  return rounds.flatMap(({ results }, n) =>
    results.flatMap(({ library, type, outcome: { lostAtMs } }) => {
      if (lostAtMs.length === 0) return [];
      const [first, last] = [Math.min(...lostAtMs), Math.max(...lostAtMs)];
      return `${library}, ${type} queue, round ${n + 1}: ${lostAtMs.length}, confirmed ${first} to ${last} ms after the kill`;
    }),
  );
}

/** The document. */
export async function report(rounds: readonly Round[]): Promise<string> {
  const results = resultsOf(rounds);
  const broken = brokenPromises(rounds, rounds.length);
  const lost = losses(rounds);
  const load = rounds.reduce((total, each) => total + each.load, 0) / rounds.length;
  const usages = await Promise.all(
    Object.entries(peers).map(async ([library, load]) => `| ${library} | ${(await load()).usage} |`),
  );
  const uncaught = [
    ...new Set(results.flatMap(({ library, outcome }) => outcome.uncaught.map((words) => `${library}: ${words}`))),
  ];
  return `# A broker that dies, and each client's messages

Written by \`npm run bench:queue-kill -- --rounds ${rounds.length} --write\`: Node ${process.versions.node}, ${cpus().length} × ${
    cpus()[0]?.model.trim() ?? "unknown processor"
  }, a private RabbitMQ. ${load.toFixed(1)} processes had work on these cores at a time, on average.

In each of the ${rounds.length} rounds, every library publishes (20 calls at a time) and consumes (20 messages at a time, 200 ms
each) in a process of its own, over a quorum queue and over a classic one. All at once meet the same \`kill -9\` of the
broker, which is started again after 5 seconds. 12 seconds after it answers, the journals of the processes are held against
what is in the queues.

Each library is used as its own documentation shows for a service that is to survive its broker, with the defaults that it
has:

| | |
|---|---|
${usages.join("\n")}

- *lost*: confirmed and not in the queue; or gone from the queue without a handler that ran to its end.
- *of these stored*: reported as failed, without saying that the message may be stored, and stored all the same.
- *hung*: calls that neither resolved nor rejected, 12 seconds after the last was made.
- *again after*: seconds from the broker's first answer to the first confirm, or delivery: the median of the rounds, and the
  longest.
- *handled twice*: a broker delivers again what was not acknowledged, and a classic queue also what was shortly before.
- *uncaught errors*: errors and rejections inside the library, or of an acknowledgement that comes too late. Each ends a
  process, unless it says otherwise as these did.

${tables(rounds)}
${listed("Confirmed and lost:", lost)}What \`${OURS}\` promises: nothing lost, no failure that is none, nothing hung or uncaught, both ways again within ${
    LATEST_RESUME_MS / 1_000
  } seconds. ${broken.length === 0 ? "Every promise was kept." : `Not kept:\n\n${broken.map((words) => `- ${words}`).join("\n")}`}

${listed("Nobody caught:", uncaught)}`
    .trimEnd()
    .concat("\n");
}

function listed(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${title}\n\n${lines.map((line) => `- ${line}`).join("\n")}\n\n`;
}
