import type { JobFailure } from "@subtitles/job-store";
import type { Worker, WorkerEvent } from "../../src/worker.js";

/** Settings of a worker process. */
export interface ChildSettings {
  /** Address of Redis, or sentinels that name its master. */
  readonly redis: { readonly url: string } | { readonly sentinelPort: number; readonly name: string };
  readonly rabbitmqUrl: string;
  /** Heartbeat of its RabbitMQ connections. @default default of the driver */
  readonly heartbeatSeconds?: number;
  /** Prefix of the queue names. */
  readonly prefix: string;
  readonly worker: {
    readonly by?: string;
    readonly heartbeatMs?: number;
    readonly concurrency?: number;
    readonly prefetch?: number;
    readonly recoverEveryMs?: number;
    readonly timeoutMs?: number;
    readonly limit?: { readonly field: "studio"; readonly max: number };
  };
  /** Number of workers with these options. @default 1 */
  readonly workers?: number;
  /** Number of deliveries after which RabbitMQ dead-letters a message. @default default of the queue */
  readonly deliveryLimit?: number;
  readonly retryDelaysMs: readonly number[];
  /** True if the process has a relay, too. @default false */
  readonly relay?: boolean;
  /** Grace period of `close` after SIGTERM. @default 10_000 */
  readonly graceMs?: number;
  /** Prefix of job ids. The process kills itself when it reads the payload that names such a job, before the claim. */
  readonly diesBeforeClaim?: string;
  /** Prefix of job ids. The process kills itself when it runs such a job. */
  readonly diesInRun?: string;
  /** True if each run ends by itself. Otherwise the test ends each run. @default false */
  readonly finishes?: boolean;
  /** Duration of a run that ends by itself. @default 0 */
  readonly runMs?: number;
}

/** Error that a run throws. */
export type ThrownError =
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "later"; readonly afterMs: number }
  | { readonly kind: "failed"; readonly error: JobFailure };

/** Message from a test to a worker process. */
export type ToChild =
  | { readonly type: "finish"; readonly run: number; readonly to: "done" | "waiting" | "pending" }
  | { readonly type: "fail"; readonly run: number; readonly error: ThrownError }
  | { readonly type: "progress"; readonly run: number; readonly percent: number }
  | { readonly type: "block"; readonly ms: number }
  | { readonly type: "state" };

/** Message from a worker process to its test. */
export type FromChild =
  | { readonly type: "event"; readonly event: Omit<WorkerEvent, "error"> & { readonly error?: string } }
  | {
      readonly type: "run";
      readonly run: number;
      readonly jobId: string;
      readonly messageId: string;
      readonly attempt: number;
      readonly percent: number | null;
    }
  /** The signal of a run was aborted. */
  | { readonly type: "aborted"; readonly run: number; readonly code: string }
  | { readonly type: "state"; readonly state: Worker["state"] }
  /** The progress is stored. */
  | { readonly type: "stored"; readonly run: number }
  /** `close` of the worker settled. */
  | { readonly type: "closed"; readonly tookMs: number };
