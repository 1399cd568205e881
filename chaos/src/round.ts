import { mkdir } from "node:fs/promises";
import { type Client, startFleet } from "./fleet.js";
import { gather } from "./gather.js";
import { Inspector } from "./inspector.js";
import type { MutantName } from "./mutants.js";
import { type Injected, torment } from "./nemesis.js";
import { judge } from "./oracle/judge.js";
import type { Run, Violation } from "./oracle/run.js";
import { comesToHold } from "./patience.js";
import { PAYLOAD_SECRET } from "./subject.js";
import { PASSWORD, startServers } from "./world.js";

export interface RoundOptions {
  readonly seed: number;
  /** How long things are broken, in ms. */
  readonly forMs: number;
  /** Where the journals of the client processes go. */
  readonly folder: string;
  readonly mutant?: MutantName | null;
  /** Which kinds of fault there are. @default all */
  readonly chosen?: (kind: string) => boolean;
  /** What a call may take beyond its budget, in ms. @default 100 */
  readonly slackMs?: number;
}

export interface Verdict {
  readonly seed: number;
  readonly operations: number;
  /** How many operations ended how. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly events: number;
  readonly messages: { readonly received: number; readonly distinct: number };
  readonly faults: readonly Injected[];
  /** The longest that a call took, in ms. */
  readonly slowestMs: number;
  readonly violations: readonly Violation[];
  /** Whether a mutant's cut was made in a script. */
  readonly cut: boolean;
}

/** How long everything may take to come to rest once nothing is broken any more and nothing new is asked. */
const REST_MS = 60_000;
const END_MS = 20_000;

/** One seed: servers and processes start, things break again and again, everything comes to rest, the oracle judges. */
export async function round(options: RoundOptions): Promise<Verdict> {
  const { seed, forMs, folder, mutant = null, chosen = () => true, slackMs = 100 } = options;
  await mkdir(folder, { recursive: true });
  await using servers = await startServers();
  await using inspector = new Inspector(servers);
  const cursor = await inspector.cursor();
  const clients = await startFleet(servers, { seed, folder, startedAt: Date.now(), mutant, cursor });
  try {
    const { injected, problems } = await torment({ ...servers, clients }, { seed, forMs, chosen });
    await Promise.all(clients.map((client) => client.quiet()));
    const isAtRest = async () => (await inspector.unrest()) === "";
    const rested = await comesToHold(isAtRest, REST_MS);
    const restless = rested ? [] : [`not at rest after ${REST_MS} ms: ${await inspector.unrest()}`];
    const mark = await inspector.mark();
    const behind = await Promise.all(clients.map((client) => client.catchUp(mark, REST_MS)));
    const ends = await Promise.all(clients.map((client) => client.end(END_MS)));
    const { cut, ...gathered } = gather(clients);
    const run: Run = {
      ...gathered,
      final: await inspector.finalState(cursor),
      slackMs,
      secrets: [PAYLOAD_SECRET, PASSWORD],
      problems: [...problems, ...crashes(clients), ...restless, ...[...behind, ...ends].filter((one) => one !== null)],
    };
    return { seed, ...tally(run), faults: injected, violations: judge(run), cut };
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

function crashes(clients: readonly Client[]): readonly string[] {
  return clients.flatMap((client) => client.crashes);
}

function tally({ operations, final, received }: Run) {
  const outcomes: Record<string, number> = {};
  let slowestMs = 0;
  for (const { settled } of operations) {
    const ending = settled === null ? "killed" : nameOf(settled.outcome);
    outcomes[ending] = (outcomes[ending] ?? 0) + 1;
    slowestMs = Math.max(slowestMs, settled?.tookMs ?? 0);
  }
  return {
    operations: operations.length,
    outcomes,
    events: final.log.length,
    messages: { received: received.length, distinct: new Set(received.map(({ id }) => id)).size },
    slowestMs: Math.round(slowestMs),
  };
}

function nameOf(outcome: NonNullable<Run["operations"][number]["settled"]>["outcome"]): string {
  if (outcome.is !== "unavailable") return outcome.is;
  return outcome.indeterminate ? "indeterminate" : "not carried out";
}
