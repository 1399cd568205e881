import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { findViolations } from "./checker/find-violations.js";
import { requestOf } from "./checker/messages.js";
import type { Outage, Recording, Violation } from "./checker/recording.js";
import { type WorkStatistics, workStatistics } from "./checker/work.js";
import { buildClientProgram } from "./client-program.js";
import { type Client, startClients } from "./clients.js";
import { Inspector } from "./inspector.js";
import { linesOf, type Outcome, readLines } from "./journal.js";
import { type MutantName, mutants } from "./mutants.js";
import { type InjectedFault, injectFaults } from "./nemesis.js";
import { waitUntil } from "./retry.js";
import { PASSWORD, startServers } from "./servers.js";
import { PAYLOAD_SECRET } from "./workload.js";

export interface RoundOptions {
  readonly seed: number;
  /** Time in ms for which faults are injected. */
  readonly forMs: number;
  /** Folder of the journals of the client processes. */
  readonly folder: string;
  /** Number of orders. @default 50 per second */
  readonly jobs?: number;
  /** Time limit in ms for the system to become idle after the last fault and the last call. @default 60,000, and 30 for each order */
  readonly idleMs?: number;
  readonly mutant?: MutantName | null;
  /** Selects the kinds of faults to inject. @default all */
  readonly isChosen?: (kind: string) => boolean;
  /** Time in ms by which a call may exceed its timeout. @default 100 */
  readonly slackMs?: number;
}

export interface RoundResult {
  readonly seed: number;
  readonly operations: number;
  /** Number of operations by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly events: number;
  readonly messages: { readonly received: number; readonly distinct: number };
  readonly work: WorkStatistics;
  readonly faults: readonly InjectedFault[];
  /** Duration of the slowest call in ms. */
  readonly slowestMs: number;
  readonly violations: readonly Violation[];
  /** True if a script or a module was changed as the mutant requires. */
  readonly mutated: boolean;
}

/** Time limit for the system to become idle, and for a watcher to receive all events. */
const IDLE_LIMIT_MS = 60_000;
/** Longest time in ms for each order that waits when the faults end, on a busy machine. */
const MS_PER_ORDER = 30;
const ORDERS_PER_SECOND = 50;
/** A longer time without contact to Redis does not count as lease time. */
const MAX_CONTACT_GAP_MS = 5_000;
const END_LIMIT_MS = 20_000;

/** Runs one seed: starts servers and clients, injects faults, waits until the system is idle, and calls the checker. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { seed, forMs, folder, mutant = null, isChosen = () => true, slackMs = 100 } = options;
  const { jobs = Math.round((forMs / 1_000) * ORDERS_PER_SECOND) } = options;
  const { idleMs = IDLE_LIMIT_MS + jobs * MS_PER_ORDER } = options;
  await mkdir(folder, { recursive: true });
  const { libraryEdit } = mutant === null ? { libraryEdit: null } : mutants[mutant];
  const program = await buildClientProgram(folder, libraryEdit);
  await using servers = await startServers();
  await using inspector = new Inspector(servers);
  const cursor = await inspector.cursor();
  const round = { seed, forMs, jobs, folder, program: program.path, startedAt: Date.now(), mutant, cursor };
  const clients = await startClients(servers, round);
  try {
    // On a busy machine, the start of the processes takes longer than some rounds.
    await Promise.all(clients.map((client) => client.handlesSignals()));
    const { injected, problems } = await injectFaults({ ...servers, clients }, { seed, forMs, isChosen });
    await Promise.all(clients.map((client) => client.stopLoad()));
    const isIdle = await waitUntil(async () => (await inspector.pendingWork()) === "", idleMs);
    const pending = isIdle ? [] : [`not idle after ${idleMs} ms: ${await inspector.pendingWork()}`];
    const marker = await inspector.createMarker();
    const catchUps = await Promise.all(clients.map((client) => client.catchUp(marker, IDLE_LIMIT_MS)));
    const ends = await Promise.all(clients.map((client) => client.end(END_LIMIT_MS)));
    const { mutated, ...recorded } = readJournals(clients);
    const crashes = clients.flatMap((client) => client.crashes);
    const recording: Recording = {
      ...recorded,
      outages: outagesIn(injected),
      final: await inspector.finalState(cursor),
      slackMs,
      secrets: [PAYLOAD_SECRET, PASSWORD],
      problems: [...problems, ...crashes, ...pending, ...[...catchUps, ...ends].filter((problem) => problem !== null)],
    };
    return {
      seed,
      ...statisticsOf(recording),
      faults: injected,
      violations: findViolations(recording),
      mutated: mutated || program.edited,
    };
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

function readJournals(clients: readonly Client[]) {
  const journals = clients.flatMap((client) => client.journals);
  const lines = journals.flatMap(readLines);
  const ends = new Map(linesOf(lines, "ended").map(({ op, line: _, ...end }) => [op, end]));
  const runEnds = new Map(linesOf(lines, "ran").map((ran) => [ran.run, ran]));
  return {
    operations: linesOf(lines, "started").map(({ line: _, ...started }) => ({
      ...started,
      end: ends.get(started.op) ?? null,
    })),
    watched: linesOf(lines, "watched").map(({ event }) => event),
    received: linesOf(lines, "received"),
    runs: linesOf(lines, "run").map(({ line: _, ...run }) => {
      const { at: endedAt = null, end = null } = runEnds.get(run.run) ?? {};
      return { ...run, endedAt, end };
    }),
    workerEvents: linesOf(lines, "worker"),
    closing: new Map(linesOf(lines, "closing").map(({ process, at }) => [process, at])),
    written: [...journals.map((path) => readFileSync(path, "utf8")), ...clients.map((client) => client.output())],
    killed: new Set(clients.flatMap(({ killed }) => killed)),
    mutated: linesOf(lines, "mutated").length > 0,
  };
}

/** Returns the times for which Redis did not run, and which do not count as lease time. */
function outagesIn(injected: readonly InjectedFault[]): readonly Outage[] {
  return injected
    .filter(({ kind, active }) => /^redis (kill|stopped)/.test(kind) && active.to - active.from > MAX_CONTACT_GAP_MS)
    .map(({ active }) => active);
}

function statisticsOf(recording: Recording) {
  const { operations, final, received, workerEvents } = recording;
  const outcomes: Record<string, number> = {};
  let slowestMs = 0;
  for (const { end } of operations) {
    const name = end === null ? "killed" : nameOf(end.outcome);
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    slowestMs = Math.max(slowestMs, end?.durationMs ?? 0);
  }
  return {
    operations: operations.length,
    outcomes,
    events: final.log.length,
    messages: messagesIn([...received.map(({ id }) => id), ...workerEvents.flatMap(requestOf)]),
    work: workStatistics(recording),
    slowestMs: Math.round(slowestMs),
  };
}

function messagesIn(ids: readonly string[]) {
  return { received: ids.length, distinct: new Set(ids).size };
}

function nameOf(outcome: Outcome): string {
  if (outcome.is !== "unavailable") return outcome.is;
  return outcome.indeterminate ? "indeterminate" : "not applied";
}
