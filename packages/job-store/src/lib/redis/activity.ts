import type { StoreConfig, StoredActivity } from "../driver.js";
import { scripts } from "./scripts.js";
import type { RedisSession } from "./session.js";

const MINUTE_MS = 60_000;
const MINUTES = 60;

/**
 * Counts the jobs of one server, or of one shard, by the minutes of the last hour, and their timeouts.
 *
 * @param onExpired called if the indexes contained jobs that do not exist any more
 */
export async function readActivity(
  session: RedisSession,
  { timeouts }: Pick<StoreConfig, "timeouts">,
  lateMs: number,
  onExpired: () => void,
): Promise<StoredActivity> {
  const { metadata: metadataKey, statuses, creations, timeoutsDeferred } = session.keys;
  const report = await session.read(async ({ metadata: { revision, codes }, evaluate }) => {
    const ranges = codes.flatMap(({ code, status, ttlMs }) => [code, ttlMs, timeouts.get(status)?.ms ?? 0]);
    const touched = [metadataKey, statuses, creations, timeoutsDeferred];
    const reply = await evaluate(scripts.activity, touched, [revision, lateMs, ...ranges]);
    const [, now, from, expired, dueWithinHour, overdue, ...minutes] = reply;
    if (expired === 1) onExpired();
    const [created = [], ...ofCodes] = minutes as readonly (readonly number[])[];
    const entered = new Map<string, readonly number[]>();
    for (const [n, { status }] of codes.entries()) {
      entered.set(status, sum(entered.get(status), ofCodes[n] ?? []));
    }
    return {
      ...{ now: Number(now), from: Number(from), created, entered },
      ...{ dueWithinHour: Number(dueWithinHour), overdue: Number(overdue) },
    };
  });
  session.confirmMetadata();
  return report;
}

/** Adds up the reports of shards. Their clocks can differ, so minutes are compared by their beginnings. */
export function mergeActivity(reports: readonly StoredActivity[]): StoredActivity {
  const from = Math.max(...reports.map((report) => report.from));
  const shift = (report: StoredActivity, minutes: readonly number[]) => {
    const later = minutes.slice((from - report.from) / MINUTE_MS);
    return [...later, ...new Array<number>(MINUTES - later.length).fill(0)];
  };
  const entered = new Map<string, readonly number[]>();
  let created: readonly number[] | undefined;
  for (const report of reports) {
    created = sum(created, shift(report, report.created));
    for (const [status, minutes] of report.entered) {
      entered.set(status, sum(entered.get(status), shift(report, minutes)));
    }
  }
  return {
    now: Math.max(...reports.map(({ now }) => now)),
    ...{ from, created: created ?? [], entered },
    dueWithinHour: reports.reduce((total, report) => total + report.dueWithinHour, 0),
    overdue: reports.reduce((total, report) => total + report.overdue, 0),
  };
}

function sum(a: readonly number[] | undefined, b: readonly number[]): readonly number[] {
  return a === undefined ? b : a.map((count, minute) => count + (b[minute] ?? 0));
}
