import { setTimeout as pause } from "node:timers/promises";

/** Library that is used to record named operations, as its users would do it. */
export interface Library extends AsyncDisposable {
  readonly name: string;
  /** Resolves after the operation is acknowledged. Rejects if it failed. */
  record(op: string): Promise<void>;
  /** Returns the operations that are stored at the end. A duplicated operation is listed more than once. */
  recorded(): Promise<readonly string[]>;
}

/** Observes the server during a measurement. */
export interface Observer {
  /** Returns the time at which the operation first reached the server, in ms since 1970. */
  seenAt(op: string): number | undefined;
}

export interface TimedFault {
  readonly name: string;
  /** Injects the fault. Returns a function that heals it. */
  begin(): Promise<() => Promise<void>>;
  readonly forMs: number;
}

export interface LibraryResult {
  readonly library: string;
  readonly fault: string;
  readonly acknowledged: number;
  /** Number of acknowledged operations that are not stored. */
  readonly lost: number;
  /** Number of operations that are stored more than once. */
  readonly duplicated: number;
  /** Number of operations that were executed after their call had failed. */
  readonly late: number;
  /** Number of calls that neither succeeded nor failed within `HANGS_AFTER_MS` after the fault. */
  readonly hung: number;
  /** Duration of the slowest call that ended, in ms. */
  readonly slowestMs: number;
}

const WRITERS = 4;
const BEFORE_MS = 1_000;
const AFTER_MS = 2_000;
/** Time after the end of the fault after which a pending call counts as hung. */
const HANGS_AFTER_MS = 8_000;
/** Tolerance for comparisons of two times of the same clock. */
const CLOCK_MS = 2;

interface Attempt {
  readonly op: string;
  readonly startedAt: number;
  end: { readonly at: number; readonly acknowledged: boolean } | null;
}

/** Measures a library with a constant load, and a fault after the first second. */
export async function measureLibrary(library: Library, fault: TimedFault, observer: Observer): Promise<LibraryResult> {
  const attempts: Attempt[] = [];
  const stop = new AbortController();
  const write = async (writer: number) => {
    for (let n = 0; !stop.signal.aborted; n++) {
      const attempt: Attempt = { op: `op-${writer}-${n}-end`, startedAt: Date.now(), end: null };
      attempts.push(attempt);
      const acknowledged = await library.record(attempt.op).then(
        () => true,
        () => false,
      );
      attempt.end = { at: Date.now(), acknowledged };
      await pause(acknowledged ? 5 : 20);
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  await pause(BEFORE_MS);
  const heal = await fault.begin();
  await pause(fault.forMs);
  await heal();
  await pause(AFTER_MS);
  stop.abort();
  await Promise.race([writing, pause(HANGS_AFTER_MS - AFTER_MS)]);
  const atEnd = structuredClone(attempts);
  return { library: library.name, fault: fault.name, ...evaluate(atEnd, await library.recorded(), observer) };
}

function evaluate(attempts: readonly Attempt[], recorded: readonly string[], observer: Observer) {
  const times = new Map<string, number>();
  for (const op of recorded) times.set(op, (times.get(op) ?? 0) + 1);
  const acknowledged = attempts.filter(({ end }) => end?.acknowledged === true);
  const failed = attempts.filter(({ op, end }) => end?.acknowledged === false && times.has(op));
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(({ op }) => !times.has(op)).length,
    duplicated: attempts.filter(({ op }) => (times.get(op) ?? 0) > 1).length,
    late: failed.filter(({ op, end }) => (observer.seenAt(op) ?? 0) > (end?.at ?? 0) + CLOCK_MS).length,
    hung: attempts.filter(({ end }) => end === null).length,
    slowestMs: Math.max(0, ...attempts.map(({ startedAt, end }) => (end?.at ?? startedAt) - startedAt)),
  };
}

const HEAD = ["", "", "acknowledged", "lost", "duplicated", "late", "hung", "slowest"];

/** Returns the first two lines of a Markdown table. */
export function headOf(): string {
  return `| ${HEAD.join(" | ")} |\n|${HEAD.map(() => "---|").join("")}`;
}

export function rowOf({ fault, library, slowestMs, ...counts }: LibraryResult): string {
  const { acknowledged, lost, duplicated, late, hung } = counts;
  const cells = [fault, library, acknowledged, lost, duplicated, late, hung, `${(slowestMs / 1_000).toFixed(1)} s`];
  return `| ${cells.join(" | ")} |`;
}
