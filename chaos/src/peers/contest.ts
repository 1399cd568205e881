import { setTimeout as pause } from "node:timers/promises";

/** Somebody who records operations, each named, as a user of theirs would have it done. */
export interface Contestant extends AsyncDisposable {
  readonly name: string;
  /** Settles once the operation has been acknowledged, or has failed. */
  record(op: string): Promise<void>;
  /** What there is in the end, as often as it is there. */
  recorded(): Promise<readonly string[]>;
}

/** Knows when an operation first arrived, in ms since 1970. */
export interface Witness {
  seenAt(op: string): number | undefined;
}

export interface Trouble {
  readonly name: string;
  /** Answers how to undo it. */
  begin(): Promise<() => Promise<void>>;
  readonly forMs: number;
}

export interface Score {
  readonly contestant: string;
  readonly trouble: string;
  readonly acknowledged: number;
  /** Acknowledged, and not there. */
  readonly lost: number;
  /** There more than once. */
  readonly duplicated: number;
  /** Carried out after the call had failed. */
  readonly late: number;
  /** Neither acknowledged nor failed, long after all was well again. */
  readonly hung: number;
  /** The longest that a call took that settled, in ms. */
  readonly slowestMs: number;
}

const WRITERS = 4;
const BEFORE_MS = 1_000;
const AFTER_MS = 2_000;
/** How long after everything is well again a call may still be under way. */
const HANGS_AFTER_MS = 8_000;
/** The witness and the callers read one clock. */
const CLOCK_MS = 2;

interface Attempt {
  readonly op: string;
  readonly begun: number;
  settled: { readonly at: number; readonly acknowledged: boolean } | null;
}

/** The same load, and the same trouble in the midst of it, for everybody. */
export async function compete(contestant: Contestant, trouble: Trouble, witness: Witness): Promise<Score> {
  const attempts: Attempt[] = [];
  const stop = new AbortController();
  const write = async (writer: number) => {
    for (let n = 0; !stop.signal.aborted; n++) {
      const attempt: Attempt = { op: `op-${writer}-${n}-end`, begun: Date.now(), settled: null };
      attempts.push(attempt);
      const acknowledged = await contestant.record(attempt.op).then(
        () => true,
        () => false,
      );
      attempt.settled = { at: Date.now(), acknowledged };
      await pause(acknowledged ? 5 : 20);
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  await pause(BEFORE_MS);
  const heal = await trouble.begin();
  await pause(trouble.forMs);
  await heal();
  await pause(AFTER_MS);
  stop.abort();
  await Promise.race([writing, pause(HANGS_AFTER_MS - AFTER_MS)]);
  const ended = structuredClone(attempts);
  return { contestant: contestant.name, trouble: trouble.name, ...judged(ended, await contestant.recorded(), witness) };
}

function judged(attempts: readonly Attempt[], recorded: readonly string[], witness: Witness) {
  const times = new Map<string, number>();
  for (const op of recorded) times.set(op, (times.get(op) ?? 0) + 1);
  const acknowledged = attempts.filter(({ settled }) => settled?.acknowledged === true);
  const failed = attempts.filter(({ op, settled }) => settled?.acknowledged === false && times.has(op));
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(({ op }) => !times.has(op)).length,
    duplicated: attempts.filter(({ op }) => (times.get(op) ?? 0) > 1).length,
    late: failed.filter(({ op, settled }) => (witness.seenAt(op) ?? 0) > (settled?.at ?? 0) + CLOCK_MS).length,
    hung: attempts.filter(({ settled }) => settled === null).length,
    slowestMs: Math.max(0, ...attempts.map(({ begun, settled }) => (settled?.at ?? begun) - begun)),
  };
}

const HEAD = ["", "", "acknowledged", "lost", "duplicated", "late", "hung", "slowest"];

/** Rows of a table, in Markdown. */
export function headOf(): string {
  return `| ${HEAD.join(" | ")} |\n|${HEAD.map(() => "---|").join("")}`;
}

export function rowOf({ trouble, contestant, slowestMs, ...counts }: Score): string {
  const { acknowledged, lost, duplicated, late, hung } = counts;
  const cells = [
    trouble,
    contestant,
    acknowledged,
    lost,
    duplicated,
    late,
    hung,
    `${(slowestMs / 1_000).toFixed(1)} s`,
  ];
  return `| ${cells.join(" | ")} |`;
}
