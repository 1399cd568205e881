import type { JobDefinition, StatusOf } from "./definition.js";

/** Activity of the last hour. See `activity`. */
export interface Activity<D extends JobDefinition> {
  /** Time of the report, from the server's clock. */
  readonly now: Date;
  /** Beginning of the first of the 60 minutes. The last one is the present minute. */
  readonly from: Date;
  /** Number of present jobs that were created in each of the 60 minutes, oldest first. */
  readonly created: readonly number[];
  /** For each status, the number of present jobs that entered it in each of the 60 minutes. Re-entry counts. */
  readonly entered: Readonly<Record<StatusOf<D>, readonly number[]>>;
  /** Timeouts of statuses. */
  readonly timeouts: {
    /** Number of jobs whose timeout passes within one hour, unless they show activity. */
    readonly withinHour: number;
    /** Number of jobs whose timeout passed more than ten seconds ago and is not enforced yet. */
    readonly overdue: number;
  };
}

/** Reports on the recent activity of a store. */
export interface ActivityReports<D extends JobDefinition> {
  /**
   * Counts the jobs that entered their status, and those that were created, in each of the last 60 minutes. A job counts only in its present
   * status: jobs that moved on, expired or were deleted are absent, so this is not the throughput. Also counts timeouts, at the latest
   * check of each job: activity since then is not seen, and of each status, at most 1,000 jobs that entered it before the timeout are
   * examined. Costs one round trip, independent of the number of jobs. On a cluster, the numbers are sums over all shards, and the call
   * fails if one of them cannot be read.
   * @throws UNAVAILABLE
   */
  activity(): Promise<Activity<D>>;
}
