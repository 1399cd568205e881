import { cpus } from "node:os";
import { libraries, OURS } from "./libraries/index.js";
import type { Outcome } from "./outcome.js";
import type { Result } from "./round.js";
import type { Round } from "./saved-rounds.js";

/** Time limit of the README of `@subtitles/queue`, from the first reply of the broker. */
const MAX_RESUME_MS = 2_000;
const TYPES = 2;

const PUBLISHING: readonly Column[] = [
  ["confirmed", sum(({ confirmed }) => confirmed)],
  ["lost", sum(({ confirmedLost }) => confirmedLost)],
  ["stored twice", sum(({ storedTwice }) => storedTwice)],
  ["failed", sum(({ failed }) => failed)],
  ["failed, but stored", sum(({ failedYetStored }) => failedYetStored)],
  ["hung", sum(({ hung }) => hung)],
  ["resumed after", delays(({ publishResumedMs }) => publishResumedMs)],
];
const CONSUMING: readonly Column[] = [
  ["handled", sum(({ handled }) => handled)],
  ["lost", sum(({ handlingLost }) => handlingLost)],
  ["handled twice", sum(({ handledTwice }) => handledTwice)],
  ["resumed after", delays(({ consumeResumedMs }) => consumeResumedMs)],
  ["uncaught errors", sum(({ uncaught }) => uncaught.length)],
  ["close hung", sum(({ closed }) => (closed ? 0 : 1))],
];

type Column = readonly [name: string, cell: (outcomes: readonly Outcome[]) => string];

/** Returns two tables per type of queue, with the sums of all rounds. */
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

/** Returns a cell with the median and the maximum of the delays, and the number of rounds without any. */
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

/** Returns the violated guarantees of `@subtitles/queue`, or a message if fewer than `wanted` rounds are complete. */
export function violations(rounds: readonly Round[], wanted: number): readonly string[] {
  if (rounds.length < wanted) return [`Only ${rounds.length} of ${wanted} rounds are complete.`];
  const ours = resultsOf(rounds).filter(({ library }) => library === OURS);
  return ours.flatMap(({ type, outcome }, n) => {
    const found = [
      outcome.confirmedLost > 0 && `${outcome.confirmedLost} confirmed messages were lost`,
      outcome.handlingLost > 0 && `${outcome.handlingLost} messages were lost without being handled`,
      outcome.failedYetStored > 0 &&
        `${outcome.failedYetStored} calls of publish failed without \`indeterminate\`, but their messages are stored`,
      outcome.hung > 0 && `${outcome.hung} calls of publish neither resolved nor rejected`,
      outcome.uncaught.length > 0 && `uncaught error: ${outcome.uncaught[0]}`,
      !outcome.closed && "close neither resolved nor rejected",
      isLate(outcome.publishResumedMs) && `publishing ${resumed(outcome.publishResumedMs)}`,
      isLate(outcome.consumeResumedMs) && `consuming ${resumed(outcome.consumeResumedMs)}`,
    ].filter((text) => text !== false);
    return found.map((text) => `${OURS}, ${type} queue, round ${Math.ceil((n + 1) / TYPES)}: ${text}`);
  });
}

function resumed(afterMs: number | null): string {
  return afterMs === null ? "did not resume" : `resumed after ${seconds(afterMs)} s`;
}

function isLate(resumedMs: number | null): boolean {
  return resumedMs === null || resumedMs > MAX_RESUME_MS;
}

function resultsOf(rounds: readonly Round[]): readonly Result[] {
  return rounds.flatMap(({ results }) => results);
}

/** Describes each loss with the times of the confirms. They show if the message was lost by the broker or by the library. */
function losses(rounds: readonly Round[]): readonly string[] {
  return rounds.flatMap(({ results }, n) =>
    results.flatMap(({ library, type, outcome: { lostAtMs } }) => {
      if (lostAtMs.length === 0) return [];
      const [first, last] = [Math.min(...lostAtMs), Math.max(...lostAtMs)];
      return `${library}, ${type} queue, round ${n + 1}: ${lostAtMs.length}, confirmed ${first} to ${last} ms after the kill`;
    }),
  );
}

/** Returns the report in Markdown. */
export async function report(rounds: readonly Round[]): Promise<string> {
  const results = resultsOf(rounds);
  const violated = violations(rounds, rounds.length);
  const lost = losses(rounds);
  const load = rounds.reduce((total, each) => total + each.load, 0) / rounds.length;
  const usages = await Promise.all(
    Object.entries(libraries).map(async ([library, load]) => `| ${library} | ${(await load()).usage} |`),
  );
  const uncaught = [
    ...new Set(results.flatMap(({ library, outcome }) => outcome.uncaught.map((text) => `${library}: ${text}`))),
  ];
  return `# Messages after a crash of the broker

Written by \`npm run bench:queue-kill -- --rounds ${rounds.length} --write\`: Node ${process.versions.node}, ${cpus().length} × ${
    cpus()[0]?.model.trim() ?? "unknown processor"
  }, a private RabbitMQ. The average load of the machine was ${load.toFixed(1)}.

In each of the ${rounds.length} rounds, every library publishes (20 concurrent calls) and consumes (20 messages at a time, 200 ms
each) in its own process, once with a quorum queue and once with a classic queue. All processes use the same broker. It is killed
with \`kill -9\` and started again after 5 seconds. 12 seconds after its first reply, the journals of the processes are compared with
the messages in the queues.

Each library has its default options. It is used as its documentation recommends for a service that must survive a restart of the
broker:

| | |
|---|---|
${usages.join("\n")}

- *lost*: confirmed, but not in the queue. For consumers: no longer in the queue, although no handler completed.
- *stored twice*: two copies of a message are in the queue.
- *failed, but stored*: the call failed without an indication that the message may be stored, but the message is stored.
- *hung*: calls that had neither resolved nor rejected 12 seconds after the last call.
- *resumed after*: seconds from the first reply of the broker to the first confirm or delivery: median and maximum of the rounds.
- *handled twice*: a broker redelivers messages that were not acknowledged. A classic queue also redelivers some that were
  acknowledged shortly before the crash.
- *uncaught errors*: errors and rejections inside the library, or of an acknowledgement that comes too late. Each of them ends a
  process that does not handle uncaught errors. The processes of this test handle them.
- *close hung*: rounds in which \`close\` neither resolved nor rejected.

${tables(rounds)}
${listed("Confirmed and lost:", lost)}Guarantees of \`${OURS}\`: no message is lost, a stored message is never reported as failed, every call ends, no error is uncaught, and publishing and consuming resume within ${
    MAX_RESUME_MS / 1_000
  } seconds. ${violated.length === 0 ? "Every guarantee was kept." : `Violated:\n\n${violated.map((text) => `- ${text}`).join("\n")}`}

${listed("Uncaught errors:", uncaught)}`
    .trimEnd()
    .concat("\n");
}

function listed(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${title}\n\n${lines.map((line) => `- ${line}`).join("\n")}\n\n`;
}
