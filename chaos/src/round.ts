import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { type Client, startClients } from "./clients.js";
import { Inspector } from "./inspector.js";
import { linesOf, type Outcome, readLines } from "./journal.js";
import type { MutantName } from "./mutants.js";
import { type InjectedFault, injectFaults } from "./nemesis.js";
import { findViolations } from "./oracle/find-violations.js";
import type { Recording, Violation } from "./oracle/recording.js";
import { waitUntil } from "./retry.js";
import { PASSWORD, startServers } from "./servers.js";
import { PAYLOAD_SECRET } from "./workload.js";

export interface RoundOptions {
  readonly seed: number;
  /** Time in ms for which faults are injected. */
  readonly forMs: number;
  /** Folder of the journals of the client processes. */
  readonly folder: string;
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
  readonly faults: readonly InjectedFault[];
  /** Duration of the slowest call in ms. */
  readonly slowestMs: number;
  readonly violations: readonly Violation[];
  /** True if a script was changed as the mutant requires. */
  readonly mutated: boolean;
}

/** Time limit for the system to become idle after the last fault and the last call. */
const IDLE_LIMIT_MS = 60_000;
const END_LIMIT_MS = 20_000;

/** Runs one seed: starts servers and clients, injects faults, waits until the system is idle, and calls the oracle. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { seed, forMs, folder, mutant = null, isChosen = () => true, slackMs = 100 } = options;
  await mkdir(folder, { recursive: true });
  await using servers = await startServers();
  await using inspector = new Inspector(servers);
  const cursor = await inspector.cursor();
  const clients = await startClients(servers, { seed, folder, startedAt: Date.now(), mutant, cursor });
  try {
    const { injected, problems } = await injectFaults({ ...servers, clients }, { seed, forMs, isChosen });
    await Promise.all(clients.map((client) => client.stopLoad()));
    const isIdle = await waitUntil(async () => (await inspector.pendingWork()) === "", IDLE_LIMIT_MS);
    const pending = isIdle ? [] : [`not idle after ${IDLE_LIMIT_MS} ms: ${await inspector.pendingWork()}`];
    const marker = await inspector.createMarker();
    const catchUps = await Promise.all(clients.map((client) => client.catchUp(marker, IDLE_LIMIT_MS)));
    const ends = await Promise.all(clients.map((client) => client.end(END_LIMIT_MS)));
    const { mutated, ...recorded } = readJournals(clients);
    const crashes = clients.flatMap((client) => client.crashes);
    const recording: Recording = {
      ...recorded,
      final: await inspector.finalState(cursor),
      slackMs,
      secrets: [PAYLOAD_SECRET, PASSWORD],
      problems: [...problems, ...crashes, ...pending, ...[...catchUps, ...ends].filter((problem) => problem !== null)],
    };
    return { seed, ...statisticsOf(recording), faults: injected, violations: findViolations(recording), mutated };
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

function readJournals(clients: readonly Client[]) {
  const journals = clients.flatMap((client) => client.journals);
  const lines = journals.flatMap(readLines);
  const ends = new Map(linesOf(lines, "ended").map(({ op, line: _, ...end }) => [op, end]));
  return {
    operations: linesOf(lines, "started").map(({ line: _, ...started }) => ({
      ...started,
      end: ends.get(started.op) ?? null,
    })),
    watched: linesOf(lines, "watched").map(({ event }) => event),
    received: linesOf(lines, "received"),
    written: [...journals.map((path) => readFileSync(path, "utf8")), ...clients.map((client) => client.output())],
    killed: new Set(clients.flatMap(({ killed }) => killed)),
    mutated: linesOf(lines, "mutated").length > 0,
  };
}

function statisticsOf({ operations, final, received }: Recording) {
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
    messages: { received: received.length, distinct: new Set(received.map(({ id }) => id)).size },
    slowestMs: Math.round(slowestMs),
  };
}

function nameOf(outcome: Outcome): string {
  if (outcome.is !== "unavailable") return outcome.is;
  return outcome.indeterminate ? "indeterminate" : "not applied";
}
