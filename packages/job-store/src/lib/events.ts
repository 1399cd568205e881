import type { JobDefinition, Json, ProgressOf, StatusOf } from "./definition.js";
import type { Job } from "./job.js";

/**
 * Event of `watch`. `cursor` is the position after this event. All types except `snapshot` and `resync` have `id` and `at`.
 * - snapshot: first event of `watch(id)`, with the `job`. null: the job does not exist
 * - created, status, saved: the job was created, changed its status, or was saved, with `from`, `to`, `version` and `by`
 * - progress: progress was stored, with `progress` and `version`
 * - deleted: the job was deleted by a call, or because its status has more jobs than `maxCount`
 * - resync: events were missed, for the given `reason`. Read the jobs again
 */
export type JobEvent<D extends JobDefinition> =
  | { readonly type: "snapshot"; readonly job: Job<D> | null; readonly cursor: string }
  | {
      readonly type: "created" | "status" | "saved";
      readonly id: string;
      readonly from: StatusOf<D> | null;
      readonly to: StatusOf<D>;
      readonly version: number;
      readonly at: Date;
      readonly by?: string;
      readonly cursor: string;
    }
  | {
      readonly type: "progress";
      readonly id: string;
      readonly progress: ProgressOf<D>;
      readonly version: number;
      readonly at: Date;
      readonly cursor: string;
    }
  | { readonly type: "deleted"; readonly id: string; readonly at: Date; readonly cursor: string }
  | { readonly type: "resync"; readonly reason: string; readonly cursor: string };

/** Event for logs. */
export interface StoreEvent {
  /**
   * Type of the event:
   * - connected, disconnected: the connection was opened, or lost. The driver reconnects automatically
   * - degraded, recovered: Redis rejects writes, or accepts them again
   * - restarted: the server was restarted, or another one answers. Its last writes may be lost
   * - paused, resumed: a call of this store paused or resumed a queue
   * - warning: all calls succeed, but the message needs attention: an audit repaired entries, or the timeouts are not enforced
   */
  readonly type:
    | "connected"
    | "disconnected"
    | "degraded"
    | "recovered"
    | "restarted"
    | "warning"
    | "paused"
    | "resumed";
  /** Human-readable text without secrets. */
  readonly message: string;
  /** Machine-readable details, if there are more than the message contains. */
  readonly details?: Readonly<Record<string, Json>>;
}
