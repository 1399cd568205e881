import type { StoreConfig, StoredActivity } from "../driver.js";
import type { JobTable } from "./job-table.js";

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** Counts the jobs of a table by the minutes of the last hour, and their timeouts. */
export function activityOf(table: JobTable, { timeouts }: StoreConfig, lateMs: number): StoredActivity {
  const now = Date.now();
  const from = (Math.floor(now / MINUTE_MS) - MINUTES + 1) * MINUTE_MS;
  const none = () => new Array<number>(MINUTES).fill(0);
  const created = none();
  const entered = new Map<string, number[]>();
  const add = (minutes: number[], at: number) => {
    const minute = Math.floor((at - from) / MINUTE_MS);
    if (minute >= 0 && minute < MINUTES) minutes[minute] = (minutes[minute] ?? 0) + 1;
  };
  for (const { status, statusAt, createdAt } of table.live()) {
    const minutes = entered.get(status) ?? none();
    entered.set(status, minutes);
    add(minutes, statusAt);
    add(created, createdAt);
  }
  const lateness = [...table.timeouts.lateness(timeouts)];
  return {
    ...{ now, from, created, entered },
    dueWithinHour: lateness.filter((ms) => ms <= 0 && ms >= -MINUTES * MINUTE_MS).length,
    overdue: lateness.filter((ms) => ms >= lateMs).length,
  };
}
